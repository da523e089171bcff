import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

/// The calls of the life cycle: rows, events and the audit log.
@Suite(.onLoop) struct LifecycleTests {
  @Test @EventLoop func `a license goes through its life, each step told and audited`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      let made = try await fixture.license(policy: { $0.durationDays = 10 })
      let action = LicenseActionRequest(id: made.id, reason: "asked for")
      let suspended = try await client.suspendLicense(action, options)
      #expect(suspended.status == .suspended)
      #expect(suspended.policy != nil)
      let reinstated = try await client.reinstateLicense(
        LicenseExtensionRequest(id: made.id),
        options
      )
      #expect(reinstated.status == .active)
      let renewed = try await client.renewLicense(LicenseExtensionRequest(id: made.id), options)
      #expect(renewed.expiresAt == made.createdAt + 20 * 86_400_000)
      let revoked = try await client.revokeLicense(action, options)
      #expect(revoked.status == .revoked)
      #expect(revoked.revokedAt == fixture.clock.now.milliseconds)
      let banned = try await fault { try await client.banLicense(action, options) }
      #expect(banned.reason == .conflict)
      #expect(try await fixture.reread(made) == revoked)
      #expect(
        try await fixture.events(of: made) == [
          "license.created", "license.suspended", "license.reinstated", "license.renewed",
          "license.revoked",
        ]
      )
      let lines = try await fixture.audited(made.id)
      #expect(
        lines.map(\.action) == [
          "license.create", "license.suspend", "license.reinstate", "license.renew",
          "license.revoke",
        ]
      )
      #expect(lines.map(\.reason) == [nil, "asked for", nil, nil, "asked for"])
    }
  }

  @Test @EventLoop func `a revocation is told as such, and once`() async throws {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.license()
      let action = LicenseActionRequest(id: made.id)
      _ = try await fixture.client.revokeLicense(action, fixture.options)
      let again = try await fault {
        try await fixture.client.revokeLicense(action, fixture.options)
      }
      #expect(again.reason == .conflict)
      #expect(try await fixture.events(of: made) == ["license.created", "license.revoked"])
    }
  }

  @Test @EventLoop func `a ban is told as an update`() async throws {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.license()
      let banned = try await fixture.client.banLicense(
        LicenseActionRequest(id: made.id),
        fixture.options
      )
      #expect(banned.status == .banned)
      #expect(try await fixture.events(of: made) == ["license.created", "license.updated"])
    }
  }

  /// No sweeper has been around: what a vendor sees is what the rules go by, and the expiry is told first.
  @Test @EventLoop func `an expiry that nobody has written down counts all the same`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      let made = try await fixture.license(policy: { $0.durationDays = 1 })
      fixture.clock.advance(by: .seconds(2 * 86_400))
      let action = LicenseActionRequest(id: made.id)
      for refused in [
        try await fault { try await client.suspendLicense(action, options) },
        try await fault { try await client.revokeLicense(action, options) },
      ] {
        #expect(refused.reason == .conflict)
      }
      #expect(try await fixture.events(of: made) == ["license.created"])
      let renewed = try await client.renewLicense(LicenseExtensionRequest(id: made.id), options)
      #expect(renewed.status == .active)
      #expect(renewed.expiresAt == fixture.clock.now.milliseconds + 86_400_000)
      #expect(
        try await fixture.events(of: made) == [
          "license.created", "license.expired", "license.renewed",
        ]
      )
      let lines = try await fixture.audited(made.id)
      #expect(lines.map(\.action) == ["license.create", "license.expire", "license.renew"])
      #expect(lines.map(\.actor.kind) == [.apiKey, .service, .apiKey])
    }
  }

  @Test @EventLoop func `a past expiry is refused by name, and foreign licenses are not there`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let made = try await fixture.license(policy: { $0.durationDays = 1 })
      let past = LicenseExtensionRequest(id: made.id, expiresAt: 1_000)
      for refused in [
        try await fault { try await client.renewLicense(past, fixture.options) },
        try await fault { try await client.reinstateLicense(past, fixture.options) },
      ] {
        #expect(refused.issues.map(\.path) == [["expiresAt"]])
      }
      let action = LicenseActionRequest(id: made.id)
      for stranger in fixture.strangers {
        let options = fixture.options(stranger)
        for refused in [
          try await fault { try await client.suspendLicense(action, options) },
          try await fault { try await client.banLicense(action, options) },
          try await fault { try await client.revokeLicense(action, options) },
        ] {
          #expect(refused.reason == .notFound)
        }
      }
    }
  }
}
