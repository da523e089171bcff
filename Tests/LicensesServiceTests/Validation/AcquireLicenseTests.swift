import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

private let interval = Duration.seconds(60 * 60)

@Suite(.onLoop) struct AcquireLicenseTests {
  @Test @EventLoop func `one call validates, activates and takes the lease`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.floating = true
        $0.requireHeartbeat = true
        $0.maxMachines = 1
      })
      let first = try await fixture.acquire(license, "machine-1")
      #expect(first.valid)
      #expect(first.code == .valid)
      #expect(first.license?.usesCount == 1)
      #expect(first.machine?.fingerprint == "machine-1")
      #expect(first.machine?.heartbeatStatus == .alive)
      #expect(first.machine?.ipAddress == "203.0.113.9")
      #expect(first.leaseExpiresAt == (fixture.clock.now + interval).milliseconds)
      // Asking is a sign of life, so a validation is content.
      #expect(try await fixture.validate(license, "machine-1").code == .valid)

      fixture.clock.advance(by: .seconds(600))
      let renewed = try await fixture.acquire(license, "machine-1")
      #expect(renewed.machine?.id == first.machine?.id)
      #expect(renewed.leaseExpiresAt == (fixture.clock.now + interval).milliseconds)

      let refused = try await fixture.acquire(license, "machine-2")
      #expect(!refused.valid)
      #expect(refused.code == .machineLimitExceeded)
      #expect(refused.machine == nil)
      #expect(refused.leaseExpiresAt == nil)
      #expect(
        try await fixture.events(of: license) == [
          "license.created", "machine.activated", "license.activated", "license.limit_reached",
        ]
      )
    }
  }

  @Test @EventLoop func `a bad verdict is an answer, and takes no seat`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.maxUses = 1 })
      let missing = try await fixture.acquire(license, "machine-1", entitlements: ["sso"])
      #expect(!missing.valid)
      #expect(missing.code == .entitlementsMissing)
      #expect(missing.license?.usesCount == 0)
      #expect(try await fixture.acquire(license, "machine-1").valid)
      let used = try await fixture.acquire(license, "machine-2")
      #expect(used.code == .usesExceeded)
      _ = try await fixture.client.suspendLicense(
        LicenseActionRequest(id: license.id),
        fixture.options
      )
      #expect(try await fixture.acquire(license, "machine-1").code == .suspended)
      #expect(try await fixture.reread(license).machineCount == 1)
    }
  }

  @Test @EventLoop func `where seats are kept there is no lease to expire`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let answer = try await fixture.acquire(license, "machine-1")
      #expect(answer.valid)
      #expect(answer.leaseExpiresAt == nil)
      #expect(try await fixture.acquire(license, "machine-1").machine?.id == answer.machine?.id)
    }
  }

  @Test @EventLoop func `a seat is given back, and again without harm`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.floating = true
        $0.maxMachines = 1
      })
      try await fixture.acquire(license, "machine-1")
      let request = ReleaseLicenseRequest(fingerprint: "machine-1")
      for _ in 0..<2 {
        _ = try await fixture.client.releaseLicense(request, fixture.holder(license))
      }
      #expect(try await fixture.acquire(license, "machine-2").valid)
      _ = try await fixture.client.suspendLicense(
        LicenseActionRequest(id: license.id),
        fixture.options
      )
      _ = try await fixture.client.releaseLicense(
        ReleaseLicenseRequest(fingerprint: "machine-2"),
        fixture.holder(license)
      )
      #expect(try await fixture.reread(license).machineCount == 0)
      let events = try await fixture.events(of: license)
      #expect(events.filter { $0 == "machine.deactivated" }.count == 2)
    }
  }

  @Test @EventLoop func `an Idempotency-Key makes the second call no use`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.maxUses = 2 })
      let options = fixture.holder(license, idempotencyKey: 1)
      let request = AcquireLicenseRequest(fingerprint: "machine-1")
      let first = try await fixture.client.acquireLicense(request, options)
      let second = try await fixture.client.acquireLicense(request, options)
      #expect(first == second)
      #expect(try await fixture.acquire(license, "machine-1").license?.usesCount == 2)
    }
  }

  @Test @EventLoop func `a machine that is bound to another license is a conflict`() async throws {
    try await LicensesFixture.with { fixture in
      let first = try await fixture.license(policy: { $0.fingerprintUniqueness = .perAccount })
      let second = try await fixture.license()
      try await fixture.acquire(first, "machine-1")
      let refused = try await fault { try await fixture.acquire(second, "machine-1") }
      #expect(refused.reason == .conflict)
      #expect(try await fixture.reread(second).usesCount == 0)
    }
  }
}
