import Cryptography
import EventLoop
import Faults
import LatchkeyOffline
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@testable import LicensesService

/// For how long a file is granted, row by row of the contract's section 9.
@Suite struct CheckOutRuleTests {
  private static let now = Timestamp(milliseconds: 1_800_000_000_000)

  private static func decide(
    status: License.Status = .active,
    expiresAt: Timestamp? = nil,
    wished: Int64? = nil,
    _ change: (inout Policy) -> Void = { _ in }
  ) throws -> CheckOut {
    let product = UUID.v7().description
    var policy = try Policy(
      creating: CreatePolicyRequest(
        productId: product,
        name: "Standard",
        template: .desktopApp,
        offlineAllowed: true,
        offlineMaxDays: 14
      ),
      id: .v7(),
      at: now
    )
    change(&policy)
    var license = try License(
      creating: CreateLicenseRequest(productId: product, policyId: policy.id),
      policy: policy,
      entitlements: [],
      id: .v7(),
      at: now
    )
    license.status = status
    license.expiresAt = expiresAt?.milliseconds
    return try CheckOut(of: license, on: policy, wished: wished)
  }

  @Test func `a file is granted as wished, as far as the policy goes`() throws {
    #expect(try Self.decide().seconds == 1_209_600)
    #expect(try Self.decide(wished: 3_600).seconds == 3_600)
    #expect(try Self.decide(wished: 7_776_000).seconds == 1_209_600)
    #expect(try Self.decide { $0.offlineMaxDays = 7 }.seconds == 604_800)
    #expect(try Self.decide(wished: 7_776_000) { $0.offlineMaxDays = .max }.seconds == 7_776_000)
  }

  @Test func `it ends with the license, unless access is kept`() throws {
    let end = Self.now + .seconds(60)
    #expect(try Self.decide(expiresAt: end).endsAt == end)
    #expect(try Self.decide().endsAt == nil)
    let kept = try Self.decide(status: .expired, expiresAt: end) {
      $0.expirationStrategy = .allowAccess
    }
    #expect(kept.endsAt == nil)
  }

  @Test(arguments: [
    (License.Status.suspended, Fault.Reason.licenseSuspended), (.expired, .licenseExpired),
    (.revoked, .licenseRevoked), (.banned, .licenseBanned),
  ])
  func `a license in no state to be used is not checked out`(
    status: License.Status,
    reason: Fault.Reason
  ) throws {
    let fault = try #require(throws: Fault.self) { _ = try Self.decide(status: status) }
    #expect(fault.reason == reason)
  }

  @Test func `a policy may admit no files`() throws {
    let fault = try #require(throws: Fault.self) {
      _ = try Self.decide { $0.offlineAllowed = false }
    }
    #expect(fault.reason == .businessRuleViolation)
  }
}

/// Check-outs through a signing service of their own.
@Suite(.onLoop, .serialized) struct CheckOutTests {
  @EventLoop private func header(_ file: CheckedOutLicense) throws -> LicenseFileHeader {
    try LicenseFile(parsing: Array(file.certificate.utf8)).header
  }

  @Test @EventLoop func `a file says what the license is`() async throws {
    try await LicensesFixture.withSigning { fixture, _ in
      let entitlement = try await fixture.entitlement("export_pdf")
      let license = try await fixture.license(policy: { $0.maxMachines = 3 }) {
        $0.entitlementIds = [entitlement.id]
        $0.metadata = Array(#"{"order":"A-17"}"#.utf8)
      }
      let machine = try await fixture.activate(license, "machine-1")
      let made = try await fixture.checkOut(license)
      #expect(made.machineId == machine.id && made.license.id == license.id)
      let header = try header(made)
      #expect(header.entitlements == ["export_pdf"] && header.maxMachines == 3)
      #expect(header.serial == made.serial && header.keyID == made.keyId)
      let file = try LicenseFile(parsing: Array(made.certificate.utf8))
      let secret = try FileSecret(licenseKey: try #require(license.key))
      let payload = try file.payload(openedBy: secret, fingerprint: "machine-1")
      let text = String(decoding: payload.json, as: UTF8.self)
      #expect(text.contains(#""metadata":{"order": "A-17"}"#))
      #expect(!text.contains(try #require(license.key)))
    }
  }

  @Test @EventLoop func `a repeated request is answered with the same file`() async throws {
    try await LicensesFixture.withSigning { fixture, _ in
      let license = try await fixture.license()
      let options = fixture.options(idempotencyKey: 1)
      let first = try await fixture.checkOut(license, "machine-1", ttl: nil, options)
      #expect(try await fixture.checkOut(license, "machine-1", ttl: nil, options) == first)
      #expect(try await fixture.checkOut(license).serial == first.serial + 1)
    }
  }

  @Test @EventLoop func `a revocation reaches the signing service`() async throws {
    try await LicensesFixture.withSigning { fixture, signing in
      let license = try await fixture.license()
      try await fixture.checkOut(license)
      let revoked: Query = "select count(*) from signing.license_files where revoked_at is not null"
      _ = try await fixture.client.suspendLicense(.init(id: license.id), fixture.options)
      try await fixture.service.giveFileNotices()
      #expect(try await signing.open().read(revoked).single().value(0) as Int == 1)
      #expect(try await fixture.notices() == [])
      _ = try await fixture.client.reinstateLicense(.init(id: license.id), fixture.options)
      try await fixture.service.giveFileNotices()
      #expect(try await signing.open().read(revoked).single().value(0) as Int == 0)
    }
  }

  /// A file secret that lies in another license's row must open no file.
  @Test @EventLoop func `a secret that lies in another row opens nothing`() async throws {
    try await LicensesFixture.withSigning { fixture, signing in
      let license = try await fixture.license()
      let other = try await fixture.license()
      try await fixture.test.open().query(
        """
        update licenses.licenses l set sealed_file_secret = (
          select o.sealed_file_secret from licenses.licenses o where o.id = \(UUID(other.id)))
        where id = \(UUID(license.id))
        """
      )
      #expect(try await fault { try await fixture.checkOut(license) }.code == .dataLoss)
      let made: Query = "select count(*) from signing.license_files"
      #expect(try await signing.open().read(made).single().value(0) as Int == 0)
    }
  }

  @Test @EventLoop
  func `without a signing service a check-out says so, and a request takes no seat`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let checkOut = try await fault { try await fixture.checkOut(license) }
      #expect(checkOut.code == .unavailable && checkOut.reason == .serviceUnavailable)
      let request = try LicenseRequest.make(
        licenseKey: try #require(license.key),
        fingerprint: "machine-1",
        at: fixture.clock.now
      ).text
      let asked = try await fault {
        try await fixture.client.requestLicenseFile(
          RequestLicenseFileRequest(request: request),
          fixture.options
        )
      }
      #expect(asked.code == .unavailable)
      #expect(try await fixture.reread(license).machineCount == 0)
      #expect(try await fixture.events(license.id) == ["license.created"])
    }
  }
}
