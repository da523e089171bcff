internal import Faults
internal import Messages
internal import Primitives

extension License {
  /// The license that a request describes, on the terms of its policy.
  ///
  /// It has no key yet.
  ///
  /// - Throws: ``Fault`` `BUSINESS_RULE_VIOLATION` when the policy is of another
  ///   product, or does not admit the limits of its own that the request gives;
  ///   `REFERENCE_NOT_FOUND` for entitlements, of which there are none yet.
  init(
    creating request: CreateLicenseRequest,
    policy: Policy,
    id: UUID,
    at now: Timestamp
  ) throws(Fault) {
    guard policy.productId == request.productId else {
      throw .businessRule("The policy belongs to another product")
    }
    let overrides = request.maxMachinesOverride != nil || request.maxUsesOverride != nil
    guard policy.overridable || !overrides else {
      throw .businessRule(
        "The policy is not overridable: maxMachinesOverride and maxUsesOverride must be null"
      )
    }
    if let entitlement = request.entitlementIds.first {
      throw .referenceNotFound("Entitlement not found: \(entitlement)")
    }
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
      entitlements: [],
      suspendedAt: nil,
      revokedAt: nil,
      bannedAt: nil,
      createdAt: now.milliseconds,
      updatedAt: now.milliseconds,
      deletedAt: nil,
      metadata: request.metadata ?? emptyObject,
      machines: [],
      policy: policy
    )
  }
}
