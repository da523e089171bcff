import EventLoop
import Faults
import LicensesService
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct AnalyticsTests {
  @Test @EventLoop func `an environment without anything has zeros, and seven days`() async throws {
    try await LicensesFixture.with { fixture in
      let numbers = try await fixture.client.getAnalytics(GetAnalyticsRequest(), fixture.options)
      #expect(numbers.licenses.total == 0)
      #expect(numbers.machines.total == 0)
      #expect(numbers.validations.total == 0)
      #expect(numbers.activations.trend.count == 7)
      #expect(
        numbers.activations.trend.last?.date == String(fixture.clock.now.iso8601.prefix(10))
      )
      #expect(numbers.activations.trend.allSatisfy { $0.count == 0 })
    }
  }

  @Test @EventLoop func `licenses count by their state of the moment, deleted ones not at all`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      for strategy in [
        Policy.ExpirationStrategy.restrictAccess, .allowAccess, .revoke,
      ] {
        _ = try await fixture.license(policy: {
          $0.expirationStrategy = strategy
          $0.durationDays = 1
        })
      }
      _ = try await fixture.license()
      let suspended = try await fixture.license()
      _ = try await client.suspendLicense(LicenseActionRequest(id: suspended.id), options)
      let banned = try await fixture.license()
      _ = try await client.banLicense(LicenseActionRequest(id: banned.id), options)
      let deleted = try await fixture.license()
      _ = try await client.deleteLicense(DeleteLicenseRequest(id: deleted.id), options)
      fixture.clock.advance(by: .seconds(86_400))
      for _ in 0..<2 {
        let licenses = try await client.getAnalytics(GetAnalyticsRequest(), options).licenses
        #expect(licenses.total == 6)
        #expect(licenses.active == 1)
        #expect(licenses.expired == 2)
        #expect(licenses.suspended == 1)
        #expect(licenses.revoked == 1)
        #expect(licenses.banned == 1)
        _ = try await fixture.otherService().expirySweeper.sweep()
      }
      for stranger in fixture.strangers {
        let numbers = try await client.getAnalytics(
          GetAnalyticsRequest(),
          fixture.options(stranger)
        )
        #expect(numbers.licenses.total == 0)
      }
    }
  }

  @Test @EventLoop func `activations count on their day, also of machines that are gone`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      let license = try await fixture.license(policy: { $0.maxMachines = 10 })
      func activate(_ fingerprint: String) async throws -> Machine {
        try await client.activateMachine(
          ActivateMachineRequest(fingerprint: fingerprint, licenseId: license.id),
          options
        )
      }
      _ = try await activate("machine-0")
      fixture.clock.advance(by: .seconds(7 * 86_400))
      let gone = try await activate("machine-1")
      _ = try await activate("machine-2")
      _ = try await client.deactivateMachine(MachineRequest(id: gone.id), options)
      fixture.clock.advance(by: .seconds(86_400))
      _ = try await activate("machine-3")
      let numbers = try await client.getAnalytics(GetAnalyticsRequest(), options)
      #expect(numbers.activations.trend.map(\.count) == [0, 0, 0, 0, 0, 2, 1])
      #expect(numbers.machines.total == 3)
      #expect(numbers.machines.active == 3)
      #expect(numbers.machines.dead == 0)
      try await fixture.test.open().query(
        "update licenses.machines set died_at = now() where fingerprint = 'machine-2'"
      )
      try await fixture.test.open().query(
        """
        insert into licenses.validation_counts (account_id, environment, day, successful, failed)
        values (\(fixture.tenant.accountID), 'test', '2026-01-01', 5, 2),
          (\(fixture.tenant.accountID), 'test', '2026-01-02', 7, 1)
        """
      )
      let later = try await client.getAnalytics(GetAnalyticsRequest(), options)
      #expect(later.machines.active == 2)
      #expect(later.machines.dead == 1)
      #expect(later.validations.total == 15)
      #expect(later.validations.successful == 12)
      #expect(later.validations.failed == 3)
    }
  }
}
