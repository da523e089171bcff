import Messages
import Primitives
import Testing

@testable import LicensesService

private let now = Timestamp(milliseconds: 1_770_000_000_000)

/// One license, one question, and the answer.
struct VerdictRow: Sendable {
  var status = License.Status.active
  /// Milliseconds from now; nil for never.
  var expiresIn: Int64?
  var strategy = Policy.ExpirationStrategy.restrictAccess
  var entitlements: [String] = []
  var isValid: Bool
  var code: ValidateKeyResponse.Code
  var shown: License.Status

  var facts: LicenseFacts {
    LicenseFacts(
      tenant: Tenant(accountID: UUID(high: 1, low: 1), environment: .test),
      id: UUID(high: 1, low: 2),
      status: status,
      name: "Studio seat",
      expiresAt: expiresIn.map { now + .milliseconds($0) },
      expirationStrategy: strategy,
      maxMachinesOverride: 3,
      maxUsesOverride: nil,
      usesCount: 4
    )
  }

  static let all = [
    VerdictRow(isValid: true, code: .valid, shown: .active),
    VerdictRow(expiresIn: 1, isValid: true, code: .valid, shown: .active),
    VerdictRow(expiresIn: 0, isValid: false, code: .expired, shown: .expired),
    VerdictRow(expiresIn: -1, isValid: false, code: .expired, shown: .expired),
    VerdictRow(
      expiresIn: -1,
      strategy: .allowAccess,
      isValid: true,
      code: .expired,
      shown: .expired
    ),
    VerdictRow(expiresIn: 1, strategy: .allowAccess, isValid: true, code: .valid, shown: .active),
    VerdictRow(expiresIn: -1, strategy: .revoke, isValid: false, code: .revoked, shown: .revoked),
    VerdictRow(expiresIn: 1, strategy: .revoke, isValid: true, code: .valid, shown: .active),
    // What a sweeper has written already.
    VerdictRow(status: .expired, isValid: false, code: .expired, shown: .expired),
    VerdictRow(
      status: .expired,
      expiresIn: -1,
      strategy: .allowAccess,
      isValid: true,
      code: .expired,
      shown: .expired
    ),
    // What the vendor decided comes before expiry.
    VerdictRow(status: .suspended, isValid: false, code: .suspended, shown: .suspended),
    VerdictRow(
      status: .suspended,
      expiresIn: -1,
      isValid: false,
      code: .suspended,
      shown: .suspended
    ),
    VerdictRow(
      status: .revoked,
      expiresIn: -1,
      strategy: .allowAccess,
      isValid: false,
      code: .revoked,
      shown: .revoked
    ),
    VerdictRow(status: .banned, expiresIn: -1, isValid: false, code: .banned, shown: .banned),
    // No entitlement is in effect yet, so one that is asked for is missing, after all else.
    VerdictRow(
      entitlements: ["sso"],
      isValid: false,
      code: .entitlementsMissing,
      shown: .active
    ),
    VerdictRow(
      expiresIn: -1,
      entitlements: ["sso"],
      isValid: false,
      code: .expired,
      shown: .expired
    ),
    VerdictRow(
      expiresIn: -1,
      strategy: .allowAccess,
      entitlements: ["sso"],
      isValid: false,
      code: .entitlementsMissing,
      shown: .expired
    ),
  ]
}

@Suite struct VerdictTests {
  @Test(arguments: VerdictRow.all)
  func `a license is judged`(row: VerdictRow) {
    let verdict = Verdict(on: row.facts, requiring: row.entitlements, at: now)
    #expect(verdict.isValid == row.isValid)
    #expect(verdict.code == row.code)
    #expect(verdict.status == row.shown)
  }

  @Test func `a key that leads nowhere is not found`() {
    let verdict = Verdict(on: nil, requiring: ["sso"], at: now)
    let answer = ValidateKeyResponse(verdict, on: nil)
    #expect(!answer.valid)
    #expect(answer.code == .notFound)
    #expect(answer.license == nil)
    #expect(answer.machine == nil)
    #expect(answer.entitlements.isEmpty)
    #expect(answer.metadata == Array("{}".utf8))
  }

  @Test func `the public answer shows the reduced license`() throws {
    let facts = VerdictRow(expiresIn: 5, isValid: true, code: .valid, shown: .active).facts
    let answer = ValidateKeyResponse(Verdict(on: facts, requiring: [], at: now), on: facts)
    let license = try #require(answer.license)
    #expect(license.id == facts.id.description)
    #expect(license.status == .active)
    #expect(license.name == "Studio seat")
    #expect(license.expiresAt == now.milliseconds + 5)
    #expect(license.maxMachinesOverride == 3)
    #expect(license.maxUsesOverride == nil)
    #expect(license.usesCount == 4)
  }
}
