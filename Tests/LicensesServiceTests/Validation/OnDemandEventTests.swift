import Changes
import EventLoop
import Faults
import LicensesService
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

/// Events of validations and heartbeats: told only when somebody is sent them.
@Suite(.onLoop) struct OnDemandEventTests {
  @EventLoop private func told(_ fixture: LicensesFixture) async throws -> [String] {
    try await fixture.service.flushEvents()
    return try await fixture.test.open().read(
      """
      select type from events.outbox
      where type like 'validation.%' or type = 'machine.heartbeat' order by id
      """
    ).map { try $0.value(0) }
  }

  @EventLoop private func subscribe(_ fixture: LicensesFixture, _ types: [String]) async throws {
    try await fixture.test.open().query(
      """
      insert into events.subscriptions (account_id, environment, type)
      select \(fixture.tenant.accountID), \(fixture.tenant.environment), t from unnest(\(types)) t
      """
    )
    try await fixture.service.refreshSubscriptions()
  }

  @Test @EventLoop func `nothing is told to nobody`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      _ = try await fixture.validate(try #require(license.key))
      #expect(try await told(fixture) == [])
    }
  }

  @Test @EventLoop func `validations are told to whom they are sent, good and bad by name`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(
        policy: { _ in },
        { $0.metadata = Array(#"{"tier": "gold"}"#.utf8) }
      )
      let key = try #require(license.key)
      try await subscribe(fixture, ["validation.success"])
      // The first one activates the license, which is another way through.
      _ = try await fixture.validate(key)
      _ = try await fixture.validate(key)
      _ = try await fixture.validate(key, entitlements: ["missing"])
      #expect(try await told(fixture) == ["validation.success", "validation.success"])
      try await subscribe(fixture, ["validation.failed"])
      _ = try await fixture.validate(key, entitlements: ["missing"])
      #expect(try await told(fixture).last == "validation.failed")
      let rows = try await fixture.test.open().read(
        """
        select license_id, product_id, license_metadata::text, sequence is null from events.outbox
        where type = 'validation.failed'
        """
      )
      let row = try rows.single()
      #expect(try row.value(0) == UUID(license.id))
      #expect(try row.value(1) == UUID(license.productId))
      #expect(try row.value(2) as String == #"{"tier": "gold"}"#)
      #expect(try row.value(3) as Bool)
    }
  }

  @Test @EventLoop func `a subscription is heard of at once`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      fixture.service.startTelling()
      let administrator = fixture.test.open()
      try await administrator.query(
        """
        insert into events.subscriptions (account_id, environment, type)
        values (\(fixture.tenant.accountID), \(fixture.tenant.environment), 'validation.success')
        """
      )
      try await administrator.query("select pg_notify(\(SubscriptionChannel.name), '')")
      let deadline = Instant.now + .seconds(20)
      while try await told(fixture).isEmpty {
        guard Instant.now < deadline else { throw Fault(.deadlineExceeded, "Nothing was told") }
        _ = try await fixture.validate(try #require(license.key))
      }
    }
  }

  /// As many exchanges with the database as if nobody were sent them, and none that waits for the outbox.
  @Test @EventLoop func `a validation that is told of asks the database for nothing more`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let key = try #require(license.key)
      let machine = try await fixture.activate(license, "machine-1")
      _ = try await fixture.validate(key)
      @EventLoop func exchanges() async throws -> Int {
        let before = fixture.exchangeCount
        for _ in 0..<25 {
          _ = try await fixture.validate(key)
          _ = try await fixture.validate(key, entitlements: ["missing"])
          _ = try await fixture.client.heartbeatMachine(
            MachineRequest(id: machine.id),
            fixture.holder(license)
          )
        }
        return fixture.exchangeCount - before
      }
      let untold = try await exchanges()
      #expect(untold >= 50)
      try await subscribe(
        fixture,
        ["validation.success", "validation.failed", "machine.heartbeat"]
      )
      // Fewer by one now and then: that the license's own events are there is announced on the side, at first.
      let told = try await exchanges()
      #expect(told <= untold)
      #expect(try await self.told(fixture).count == 75)

      // Nor does one wait while what was gathered is written.
      try await fixture.test.open().transaction(for: nil) { (lock) async throws(Fault) in
        try await lock.query("lock table events.outbox in access exclusive mode")
        let writing = EventLoop.spawn { try? await fixture.service.flushEvents() }
        do {
          _ = try await fixture.validate(key)
          _ = try await exchanges()
        } catch {
          throw Fault(.internalError, "\(error)")
        }
        writing.cancel()
      }
    }
  }
}
