internal import Faults
internal import Messages
internal import Primitives

extension License {
  /// The license that a request describes, on the terms of its policy.
  ///
  /// It has no key yet.
  ///
  /// - Parameters:
  ///   - request: What is asked for.
  ///   - policy: The policy that it names.
  ///   - codes: The codes of the entitlements that it names.
  ///   - id: The new license's id.
  ///   - now: When it is made.
  /// - Throws: ``Fault`` `BUSINESS_RULE_VIOLATION` when the policy is of another
  ///   product, or does not admit the limits of its own that the request gives.
  init(
    creating request: CreateLicenseRequest,
    policy: Policy,
    entitlements codes: [String],
    id: UUID,
    at now: Timestamp
  ) throws(Fault) {
    guard policy.productId == request.productId else {
      throw .businessRule("The policy belongs to another product")
    }
    try policy.admit(overrides: request.maxMachinesOverride, request.maxUsesOverride)
    let expiresAt = request.expiresAt ?? policy.expiry(from: now)?.milliseconds
    self.init(
      id: id.description,
      key: nil,
      name: request.name,
      status: .active,
      productId: request.productId,
      policyId: request.policyId,
      userEmail: request.userEmail,
      userName: request.userName,
      expiresAt: expiresAt,
      maxMachinesOverride: request.maxMachinesOverride,
      maxUsesOverride: request.maxUsesOverride,
      usesCount: 0,
      machineCount: 0,
      entitlements: policy.entitlements(with: codes),
      suspendedAt: nil,
      revokedAt: nil,
      bannedAt: nil,
      createdAt: now.milliseconds,
      updatedAt: now.milliseconds,
      deletedAt: nil,
      metadata: request.metadata ?? emptyObject,
      machines: [],
      policy: policy,
      keyStored: false
    )
  }
}

extension License {
  /// Who holds the license; nil when its address is not known.
  var holder: (email: String, name: String?)? {
    userEmail.map { ($0, userName) }
  }
}

extension Policy {
  /// Checks the limits of its own that a license on this policy is to have.
  ///
  /// - Throws: ``Fault`` `BUSINESS_RULE_VIOLATION` when there are any and the policy admits none.
  func admit(overrides: Int32?...) throws(Fault) {
    guard overridable || overrides.allSatisfy({ $0 == nil }) else {
      throw .businessRule(
        "The policy is not overridable: maxMachinesOverride and maxUsesOverride must be null"
      )
    }
  }

  /// The codes in effect for a license on this policy that has some of its own.
  func entitlements(with own: [String]) -> [String] {
    Set(entitlements + own).sorted()
  }
}

extension Fault.Issue {
  /// What is wrong with a new expiry; nil when it is in the future, or not given.
  static func ofExpiry(_ expiresAt: Int64?, at now: Timestamp, path: [String] = ["expiresAt"])
    -> Fault.Issue?
  {
    guard let expiresAt, expiresAt <= now.milliseconds else { return nil }
    return Fault.Issue(path: path, message: "Must be in the future", code: "too_small")
  }
}
