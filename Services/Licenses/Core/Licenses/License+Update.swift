internal import Faults
internal import Messages
internal import Primitives
internal import ServiceKit

/// What a request changes of a license; pure rules.
extension License {
  /// The license as a request wants it.
  ///
  /// - Parameters:
  ///   - request: What to change; fields that it does not name stay.
  ///   - policy: The policy that the license is on from now on.
  ///   - now: The moment.
  /// - Returns: The license, with its entitlements as they were.
  /// - Throws: ``Fault`` `invalidArgument` with every field that is null and must not be, and an expiry that is
  ///   past; `CONFLICT` when the expiry is changed of a license that is neither active nor suspended;
  ///   `BUSINESS_RULE_VIOLATION` when the policy is of another product or does not admit the license's
  ///   limits.
  func updated(
    by request: UpdateLicenseRequest,
    on policy: Policy,
    at now: Timestamp
  ) throws(Fault) -> License {
    var license = self
    license.policyId = policy.id
    license.updatedAt = now.milliseconds
    var patch = Patch(request.presentNames)
    patch.setOrClear(&license.name, "name", request.name)
    patch.setOrClear(&license.userEmail, "userEmail", request.userEmail)
    patch.setOrClear(&license.userName, "userName", request.userName)
    patch.set(&license.metadata, "metadata", request.metadata)
    patch.setOrClear(
      &license.maxMachinesOverride,
      "maxMachinesOverride",
      request.maxMachinesOverride
    )
    patch.setOrClear(&license.maxUsesOverride, "maxUsesOverride", request.maxUsesOverride)
    patch.setOrClear(&license.expiresAt, "expiresAt", request.expiresAt)
    // Which policy it is has been settled before, so only its absence is told here.
    if patch.clears("policyId", request.policyId) { patch.set(&license.policyId, "policyId", nil) }
    if let issue = Fault.Issue.ofExpiry(request.expiresAt, at: now) { patch.refuse(issue) }
    try patch.check()
    guard policy.productId == productId else {
      throw .businessRule("The policy belongs to another product")
    }
    if license.policyId != policyId || license.maxMachinesOverride != maxMachinesOverride
      || license.maxUsesOverride != maxUsesOverride
    {
      try policy.admit(overrides: license.maxMachinesOverride, license.maxUsesOverride)
    }
    guard license.expiresAt == expiresAt || status == .active || status == .suspended else {
      throw Fault(
        .aborted,
        "The expiry of a license that is \(status.wireName) is not changed; renew or reinstate it",
        reason: .conflict
      )
    }
    return license
  }
}
