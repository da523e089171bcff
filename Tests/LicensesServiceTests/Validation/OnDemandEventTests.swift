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

  @Test @EventLoop func `what cannot be written for one tenant does not keep another's back`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let mine = try await fixture.license()
      let other = Tenant(accountID: .v7(), environment: .test)
      let product = try await fixture.product("other", prefix: nil, other)
      let policy = try await fixture.client.createPolicy(
        CreatePolicyRequest(
          productId: product.id,
          name: "Standard",
          template: .desktopApp,
          requireFingerprint: false
        ),
        fixture.options(other)
      )
      let theirs = try await fixture.client.createLicense(
        CreateLicenseRequest(productId: product.id, policyId: policy.id),
        fixture.options(other)
      )
      let administrator = fixture.test.open()
      for tenant in [fixture.tenant, other] {
        try await administrator.query(
          """
          insert into events.subscriptions (account_id, environment, type)
          values (\(tenant.accountID), \(tenant.environment), 'validation.success')
          """
        )
      }
      try await fixture.service.refreshSubscriptions()
      // Whichever comes first: each of them in its turn cannot be written.
      for refused in [fixture.tenant, other] {
        _ = try await fixture.validate(try #require(mine.key))
        _ = try await fixture.validate(try #require(theirs.key))
        try await administrator.query(
          Query(
            sql: """
              alter table events.outbox add constraint refused
              check (account_id <> '\(refused.accountID)' or type not like 'validation%') not valid
              """
          )
        )
        _ = try await fault { try await fixture.service.flushEvents() }
        try await administrator.query("alter table events.outbox drop constraint refused")
        let rows = try await administrator.read(
          "select distinct account_id from events.outbox where type = 'validation.success'"
        )
        let told = try rows.map { try $0.value(0) as UUID }
        let spared = refused == other ? fixture.tenant : other
        #expect(told == [spared.accountID])
        try await administrator.query("delete from events.outbox where type = 'validation.success'")
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
