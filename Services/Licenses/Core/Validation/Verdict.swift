internal import Messages
internal import Primitives

/// What is known of the license that a key leads to: enough to judge it and to show it.
struct LicenseFacts: Equatable, Sendable {
  var tenant: Tenant
  var id: UUID
  /// The state as last written.
  var status: License.Status
  var name: String?
  var expiresAt: Timestamp?
  var expirationStrategy: Policy.ExpirationStrategy
  var maxMachinesOverride: Int32?
  var maxUsesOverride: Int32?
  var usesCount: Int64
}

/// The judgement on a license key.
struct Verdict: Equatable {
  /// Whether the license may be used.
  var isValid: Bool
  /// Why, or why not.
  var code: ValidateKeyResponse.Code
  /// The license's state at the moment of judgement; nil when there is no license.
  var status: License.Status?

  /// Judges the license that a key leads to.
  ///
  /// The order is that of the contract, section 3.1: what the vendor decided comes before expiry, and an
  /// expired license that keeps its access goes on through the remaining checks.
  ///
  /// - Parameters:
  ///   - facts: What is known of the license; nil when no license has the key.
  ///   - entitlements: Codes that must be in effect. None are in effect yet, so any is missing.
  ///   - now: The moment of judgement.
  init(on facts: LicenseFacts?, requiring entitlements: [String], at now: Timestamp) {
    guard let facts else {
      self.init(isValid: false, code: .notFound, status: nil)
      return
    }
    let status = facts.status.at(
      now,
      expiresAt: facts.expiresAt,
      strategy: facts.expirationStrategy
    )
    let keepsAccess = facts.expirationStrategy == .allowAccess
    let isMissing = !entitlements.isEmpty
    switch status {
    case .banned: self.init(isValid: false, code: .banned, status: status)
    case .revoked: self.init(isValid: false, code: .revoked, status: status)
    case .suspended: self.init(isValid: false, code: .suspended, status: status)
    case .expired where !keepsAccess: self.init(isValid: false, code: .expired, status: status)
    case .active, .expired:
      if isMissing {
        self.init(isValid: false, code: .entitlementsMissing, status: status)
      } else {
        self.init(isValid: true, code: status == .expired ? .expired : .valid, status: status)
      }
    }
  }

  private init(isValid: Bool, code: ValidateKeyResponse.Code, status: License.Status?) {
    self.isValid = isValid
    self.code = code
    self.status = status
  }
}

extension ValidateKeyResponse {
  /// The public answer: whoever holds the key sees it, so it says no more than the contract's section 2.1.
  init(_ verdict: Verdict, on facts: LicenseFacts?) {
    var license: ValidatedLicense?
    if let facts, let status = verdict.status {
      license = ValidatedLicense(
        id: facts.id.description,
        status: status,
        name: facts.name,
        expiresAt: facts.expiresAt?.milliseconds,
        maxMachinesOverride: facts.maxMachinesOverride,
        maxUsesOverride: facts.maxUsesOverride,
        usesCount: facts.usesCount
      )
    }
    self.init(
      valid: verdict.isValid,
      code: verdict.code,
      license: license,
      machine: nil,
      entitlements: [],
      metadata: emptyObject
    )
  }
}
