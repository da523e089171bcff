import Changes
import Cryptography
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import RPC
import TestKit
import Testing

/// The same request again must do no harm, however often it comes and wherever it ends up.
@Suite(.onLoop) struct IdempotencyTests {
  @Test @EventLoop func `the same request gets the same answer, with license key and status`()
    async throws
  {
    try await ChangesFixture.with { fixture in
      fixture.services[0].body = { (change, call) throws(Fault) in
        call.succeed(withStatus: 200)
        return .done(try change.suspended())
      }
      let options = fixture.options(key: "one")
      let (first, status) = try await fixture.askForStatus(0, options)
      #expect(first.key != nil)
      #expect(status == "200")
      let (again, repeated) = try await fixture.askForStatus(1, options)
      #expect(again == first)
      #expect(repeated == "200")
      #expect(fixture.services[1].runs == 0)
      #expect(try await fixture.audited().count == 1)
    }
  }

  @Test @EventLoop func `without a key, every request is one of its own`() async throws {
    try await ChangesFixture.with { fixture in
      let first = try await fixture.ask(0, fixture.options())
      let second = try await fixture.ask(0, fixture.options())
      #expect(first.id != second.id)
      #expect(try await fixture.count("changes.idempotent_answers") == 0)
    }
  }

  @Test @EventLoop func `the same key for another request is a conflict`() async throws {
    try await ChangesFixture.with { fixture in
      _ = try await fixture.ask(0, fixture.options(key: "one"))
      let fault = try await fault {
        try await fixture.ask(1, fixture.options(key: "one", asking: "that"))
      }
      #expect(fault.reason == .conflict)
      #expect(try await fixture.audited().count == 1)
    }
  }

  @Test @EventLoop func `keys of different tenants do not meet`() async throws {
    try await ChangesFixture.with { fixture in
      let other = Tenant(accountID: fixture.tenant.accountID, environment: .live)
      let first = try await fixture.ask(0, fixture.options(key: "one"))
      let second = try await fixture.ask(0, fixture.options(other, key: "one", asking: "that"))
      #expect(first.id != second.id)
    }
  }

  /// The second waits in the database, and not for the answer of its own process.
  @Test @EventLoop func `of two identical requests at once, one makes the change and both get it`()
    async throws
  {
    try await ChangesFixture.with { fixture in
      for service in fixture.services {
        service.body = { (change, _) async throws(Fault) in
          try await change.transaction.query("select 1")
          try await fixture.untilSomebodyWaits()
          return .done(try change.suspended())
        }
      }
      let options = fixture.options(key: "one")
      let other = EventLoop.spawn { try? await fixture.ask(1, options) }
      let first = try await fixture.ask(0, options)
      #expect(await other.value == first)
      #expect(fixture.services.map(\.runs).reduce(0, +) == 1)
      #expect(try await fixture.audited().count == 1)
    }
  }

  @Test @EventLoop func `of many at once, one makes the change`() async throws {
    try await ChangesFixture.with { fixture in
      let options = fixture.options(key: "one")
      let asked = (0..<24).map { index in
        EventLoop.spawn { try? await fixture.ask(index % 2, options) }
      }
      var answers: Set<String?> = []
      for task in asked { answers.insert(await task.value?.id) }
      #expect(answers.count == 1)
      #expect(!answers.contains(nil))
      let lines = try await fixture.audited()
      #expect(lines.count == 1)
    }
  }

  @Test @EventLoop func `when the first fails, the one behind it is the first`() async throws {
    try await ChangesFixture.with { fixture in
      fixture.services[0].body = { (change, _) async throws(Fault) in
        _ = try change.suspended()
        try await fixture.untilSomebodyWaits()
        throw .notFound("No such thing")
      }
      let options = fixture.options(key: "one")
      let failing = EventLoop.spawn { () async -> Fault? in
        do throws(Fault) {
          _ = try await fixture.ask(0, options)
          return nil
        } catch {
          return error
        }
      }
      // The second follows once the first holds the claim.
      while fixture.services[0].runs == 0 { await Task.yield() }
      let second = try await fixture.ask(1, options)
      #expect(await failing.value?.code == .notFound)
      #expect(fixture.services[1].runs == 1)
      #expect(try await fixture.audited().map(\.resourceId) == [second.id])
      #expect(try await fixture.ask(0, options) == second)
    }
  }

  /// What a process that is killed leaves: its connection breaks, and with it go claim and change.
  @Test @EventLoop func `a claim dies with the connection of its change`() async throws {
    try await ChangesFixture.with { fixture in
      fixture.services[0].body = { (change, _) async throws(Fault) in
        let license = try change.suspended()
        let process: Int32 = try await change.transaction.query("select pg_backend_pid()").single()
          .value(0)
        try await fixture.administrator.query("select pg_terminate_backend(\(process))")
        try await change.transaction.query("select 1")
        return .done(license)
      }
      let options = fixture.options(key: "one")
      let fault = try await fault { try await fixture.ask(0, options) }
      #expect(fault.code == .unavailable)
      _ = try await fixture.ask(1, options)
      #expect(try await fixture.audited().count == 1)
    }
  }

  @Test @EventLoop func `a change that was refused is tried again, and what it wrote stays`()
    async throws
  {
    try await ChangesFixture.with { fixture in
      fixture.services[0].body = { (change, _) throws(Fault) in
        _ = try change.suspended()
        return .refused(Fault(.failedPrecondition, "Full", reason: .machineLimitExceeded))
      }
      let options = fixture.options(key: "one")
      let fault = try await fault { try await fixture.ask(0, options) }
      #expect(fault.reason == .machineLimitExceeded)
      #expect(try await fixture.audited().count == 1)
      _ = try await fixture.ask(1, options)
      #expect(try await fixture.audited().count == 2)
      _ = try await fixture.ask(0, options)
      #expect(try await fixture.audited().count == 2)
    }
  }

  @Test @EventLoop func `an answer is kept for a day`() async throws {
    try await ChangesFixture.with { fixture in
      let options = fixture.options(key: "one")
      let first = try await fixture.ask(0, options)
      fixture.clock.advance(by: .seconds(24 * 60 * 60))
      #expect(try await fixture.ask(0, options) == first)
      fixture.clock.advance(by: .milliseconds(1))
      let anew = try await fixture.ask(0, fixture.options(key: "one", asking: "that"))
      #expect(anew.id != first.id)
      #expect(try await fixture.count("changes.idempotent_answers") == 1)
    }
  }

  @Test @EventLoop func `answers that are too old are forgotten, and no others`() async throws {
    try await ChangesFixture.with { fixture in
      _ = try await fixture.ask(0, fixture.options(key: "old"))
      fixture.clock.advance(by: .seconds(24 * 60 * 60 + 1))
      let young = fixture.options(key: "young")
      let answer = try await fixture.ask(0, young)
      let keeper = ChangeKeeper(
        database: fixture.test.open(as: "latchkey_licenses"),
        now: { fixture.clock.now }
      )
      try await keeper.forget()
      #expect(try await fixture.count("changes.idempotent_answers") == 1)
      #expect(try await fixture.ask(0, young) == answer)
    }
  }

  /// What is not kept comes from elsewhere each time, in the transaction of the request that is sent again.
  @Test @EventLoop func `an answer is kept without what must not be, and made whole again`()
    async throws
  {
    try await ChangesFixture.with { fixture in
      for service in fixture.services {
        service.kept = KeptAnswer(
          without: { $0.key = nil },
          restoredBy: { (license, change) async throws(Fault) in
            let number: Int32 = try await change.transaction.query("select 7").single().value(0)
            license.key = "restored-\(number)"
            try change.record(
              "license.reveal",
              change.tenant.accountID,
              before: license,
              after: nil
            )
          }
        )
      }
      let options = fixture.options(key: "one")
      let first = try await fixture.ask(0, options)
      #expect(first.key?.hasPrefix("ATL-") == true)
      for _ in 0..<2 {
        var again = try await fixture.ask(1, options)
        #expect(again.key == "restored-7")
        again.key = first.key
        #expect(again == first)
      }
      let actions = try await fixture.audited().map(\.action)
      #expect(actions.sorted() == ["license.reveal", "license.reveal", "license.suspend"])
      #expect(fixture.services.map(\.runs) == [1, 0])
    }
  }

  @Test @EventLoop func `what cannot be made whole again is refused, and kept`() async throws {
    try await ChangesFixture.with { fixture in
      let options = fixture.options(key: "one")
      let first = try await fixture.ask(0, options)
      fixture.services[1].kept = KeptAnswer(
        without: { _ in },
        restoredBy: { (_, _) async throws(Fault) in throw .notFound("Gone") }
      )
      #expect(try await fault { try await fixture.ask(1, options) }.code == .notFound)
      #expect(try await fixture.ask(0, options) == first)
    }
  }

  /// A request may be nothing but a password.
  @Test @EventLoop func `no hash of a request is in the database`() async throws {
    try await ChangesFixture.with { fixture in
      _ = try await fixture.ask(0, fixture.options(key: "one", asking: "hunter2"))
      let row = try await fixture.administrator.read(
        "select a::text, sealed_answer from changes.idempotent_answers a"
      ).single()
      let (text, sealed) = try row.values(String.self, [UInt8].self)
      let hash = SHA256.hash(Array("hunter2".utf8))
      #expect(!text.contains(Hex.encode(hash)))
      #expect(!sealed.contains(hash))
    }
  }

  @Test @EventLoop func `the answer lies sealed`() async throws {
    try await ChangesFixture.with { fixture in
      let license = try await fixture.ask(0, fixture.options(key: "one"))
      let row = try await fixture.administrator.read(
        "select sealed_answer, a::text from changes.idempotent_answers a"
      ).single()
      let (sealed, text) = try row.values([UInt8].self, String.self)
      let key = Array(try #require(license.key).utf8)
      #expect(!sealed.contains(key))
      #expect(!sealed.contains(Array(license.id.utf8)))
      #expect(!text.contains(String(decoding: key, as: UTF8.self)))
    }
  }
}
