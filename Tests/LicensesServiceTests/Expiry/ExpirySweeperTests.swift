import EventLoop
import Faults
import LicensesService
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct ExpirySweeperTests {
  @Test @EventLoop func `what is due is written down, told and audited once`() async throws {
    try await LicensesFixture.with { fixture in
      let rows: [(Policy.ExpirationStrategy, License.Status, String, String)] = [
        (.restrictAccess, .expired, "license.expired", "license.expire"),
        (.allowAccess, .expired, "license.expired", "license.expire"),
        (.revoke, .revoked, "license.revoked", "license.revoke"),
      ]
      var made: [License] = []
      for (strategy, _, _, _) in rows {
        made.append(
          try await fixture.license(policy: {
            $0.expirationStrategy = strategy
            $0.durationDays = 1
          })
        )
      }
      let endless = try await fixture.license()
      let sweeper = fixture.otherService().expirySweeper
      #expect(try await sweeper.sweep() == 0)
      fixture.clock.advance(by: .seconds(86_400))
      #expect(try await sweeper.sweep() == 3)
      #expect(try await sweeper.sweep() == 0)
      for ((_, status, event, action), license) in zip(rows, made) {
        let stored: String = try await fixture.test.open().read(
          "select status from licenses.licenses where id = \(try #require(UUID(license.id)))"
        ).single().value(0)
        #expect(stored == "\(status)")
        let read = try await fixture.reread(license)
        #expect(read.status == status)
        #expect(read.revokedAt == (status == .revoked ? license.expiresAt : nil))
        #expect(try await fixture.events(of: license) == ["license.created", event])
        let line = try #require(try await fixture.audited(license.id).last)
        #expect(line.action == action)
        #expect(line.actor.kind == .service)
      }
      #expect(try await fixture.reread(endless).status == .active)
    }
  }

  @Test @EventLoop func `two sweepers at once tell each expiry exactly once`() async throws {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue { $0.durationDays = 1 }
      let request = CreateLicenseRequest(productId: product.id, policyId: policy.id)
      for _ in 0..<2 {
        _ = try await fixture.client.createLicenses(
          CreateLicensesRequest(licenses: Array(repeating: request, count: 750)),
          fixture.options
        )
      }
      // A license of another account is due too.
      let stranger = fixture.strangers[1]
      let other = try await fixture.product("other", prefix: nil, stranger)
      let otherPolicy = try await fixture.client.createPolicy(
        CreatePolicyRequest(productId: other.id, name: "n", maxMachines: 1, durationDays: 1),
        fixture.options(stranger)
      )
      _ = try await fixture.client.createLicense(
        CreateLicenseRequest(productId: other.id, policyId: otherPolicy.id),
        fixture.options(stranger)
      )
      fixture.clock.advance(by: .seconds(86_400))
      let sweepers = (0..<3).map { _ in fixture.otherService().expirySweeper }
      let rounds = sweepers.map { sweeper in
        EventLoop.spawn { () async -> Int in (try? await sweeper.sweep()) ?? -1 }
      }
      var swept = 0
      for round in rounds { swept += await round.value }
      // Whoever came by while another held the rest has left it to the other.
      swept += try await sweepers[0].sweep()
      #expect(swept == 1_501)
      let row = try await fixture.test.open().read(
        """
        select count(*), count(distinct license_id), min(sequence), max(sequence)
        from events.outbox where type = 'license.expired'
        """
      ).single()
      let (events, licenses, first, last) = try row.values(
        Int.self,
        Int.self,
        Int64.self,
        Int64.self
      )
      #expect([events, licenses] == [1_501, 1_501])
      #expect([first, last] == [2, 2])
      #expect(
        try await fixture.count("select count(*) from licenses.licenses where status = 'active'")
          == 0
      )
    }
  }

  /// A renewal that holds the license wins; the sweeper passes it by and finds it renewed.
  @Test @EventLoop func `a license that is locked is left to whoever has it`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.durationDays = 1 })
      fixture.clock.advance(by: .seconds(86_400))
      let sweeper = fixture.otherService().expirySweeper
      let database = fixture.test.open()
      let swept = try await database.transaction(for: nil) { (transaction) async throws(Fault) in
        try await transaction.query("select from licenses.licenses for update")
        return try await sweeper.sweep()
      }
      #expect(swept == 0)
      _ = try await fixture.client.renewLicense(
        LicenseExtensionRequest(id: license.id),
        fixture.options
      )
      #expect(try await sweeper.sweep() == 0)
      #expect(try await fixture.reread(license).status == .active)
    }
  }
}
