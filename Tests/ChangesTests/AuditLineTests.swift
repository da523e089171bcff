import Changes
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import TestKit
import Testing

/// What the audit log says of a change, and that nobody can make it say something else.
@Suite(.onLoop) struct AuditLineTests {
  @Test @EventLoop func `a change leaves its line, and no secret in it`() async throws {
    try await ChangesFixture.with { fixture in
      let license = try await fixture.ask(0, fixture.options())
      let lines = try await fixture.audited()
      #expect(lines.count == 1)
      let line = try #require(lines.first)
      #expect(line.action == "license.suspend")
      #expect(line.resourceType == "license")
      #expect(line.resourceId == license.id)
      #expect(line.actor == AuditEvent.Actor(kind: .apiKey, id: "key-1"))
      #expect(line.requestId == "01JQ7Z5W3X8V2K4M6N9P0R1S2T")
      #expect(line.clientAddress == "203.0.113.9")
      #expect(line.reason == "unpaid")
      #expect(line.createdAt == fixture.clock.now.milliseconds)
      let before = String(decoding: try #require(line.before), as: UTF8.self)
      let after = String(decoding: try #require(line.after), as: UTF8.self)
      #expect(before.contains(#""status":"active""#))
      #expect(after.contains(#""status":"suspended""#))
      let key = try #require(license.key)
      for text in [before, after] {
        #expect(!text.contains(key))
        #expect(!text.contains(#""key""#))
      }
    }
  }

  @Test @EventLoop func `a change that is undone leaves no line`() async throws {
    try await ChangesFixture.with { fixture in
      fixture.services[0].body = { (change, _) throws(Fault) in
        _ = try change.suspended()
        throw .notFound("No such thing")
      }
      _ = try await fault { try await fixture.ask(0, fixture.options()) }
      #expect(try await fixture.count("changes.audit_entries") == 0)
      #expect(try await fixture.count("changes.audit_unsealed") == 0)
    }
  }

  @Test @EventLoop func `what nobody asked for is Latchkey's own`() async throws {
    try await ChangesFixture.with { fixture in
      try await fixture.services[0].changes.makeUnasked(for: fixture.tenant) {
        (change) throws(Fault) in _ = try change.suspended()
      }
      let line = try #require(try await fixture.audited().first)
      #expect(line.actor == AuditEvent.Actor(kind: .service, id: nil))
      #expect(line.clientAddress == nil)
    }
  }

  @Test(arguments: ["latchkey_licenses", "latchkey_keys"])
  @EventLoop func `a service's role cannot alter or remove what was logged`(role: String)
    async throws
  {
    try await ChangesFixture.with { fixture in
      _ = try await fixture.ask(0, fixture.options())
      let keeper = ChangeKeeper(database: fixture.test.open(as: "latchkey_licenses"))
      try await keeper.seal()
      let service = fixture.test.open(as: role)
      for sql in [
        "update changes.audit_entries set action = 'x'", "delete from changes.audit_entries",
        "truncate changes.audit_entries", "delete from changes.audit_unsealed",
        "update changes.audit_unsealed set entry_id = entry_id",
        "update changes.audit_seals set sealed_at = now()", "delete from changes.audit_seals",
        "insert into changes.audit_seals select * from changes.audit_seals",
        "delete from changes.idempotent_answers", "truncate changes.audit_seals",
        "alter table changes.audit_entries disable row level security",
      ] {
        let fault = try await fault {
          try await service.query(for: fixture.tenant, Query(sql: sql))
        }
        #expect(fault.serverError?.state == .insufficientPrivilege, "\(sql)")
      }
    }
  }
}
