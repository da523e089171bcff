internal import Faults
internal import Messages
internal import Primitives

/// What a request changes of a license; pure rules.
extension License {
  /// The license as a request wants it.
  ///
  /// - Parameters:
  ///   - request: What to change; fields that it does not name stay.
  ///   - policy: The policy that the license is on from now on.
  ///   - now: The moment.
  /// - Returns: The license, with its entitlements as they were.
  /// - Throws: ``Fault`` `CONFLICT` when the expiry is changed of a license that is neither active nor suspended;
  ///   `BUSINESS_RULE_VIOLATION` when the policy is of another product or does not admit the license's
  ///   limits.
  func updated(
    by request: UpdateLicenseRequest,
    on policy: Policy,
    at now: Timestamp
  ) throws(Fault) -> License {
    guard policy.productId == productId else {
      throw .businessRule("The policy belongs to another product")
    }
    var license = self
    license.policyId = policy.id
    license.updatedAt = now.milliseconds
    request.apply("name", request.name, to: &license.name)
    request.apply("userEmail", request.userEmail, to: &license.userEmail)
    request.apply("userName", request.userName, to: &license.userName)
    if let metadata = request.metadata { license.metadata = metadata }
    request.apply(
      "maxMachinesOverride",
      request.maxMachinesOverride,
      to: &license.maxMachinesOverride
    )
    request.apply("maxUsesOverride", request.maxUsesOverride, to: &license.maxUsesOverride)
    if license.policyId != policyId || license.maxMachinesOverride != maxMachinesOverride
      || license.maxUsesOverride != maxUsesOverride
    {
      try policy.admit(overrides: license.maxMachinesOverride, license.maxUsesOverride)
    }
    request.apply("expiresAt", request.expiresAt, to: &license.expiresAt)
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

extension UpdateLicenseRequest {
  /// Fields that a license always has, so that null says nothing.
  private static let neverNull = ["policyId", "metadata"]

  /// Whether a field is to be changed: it has a value, or the body says that it is null.
  func has(_ name: String, _ hasValue: Bool) -> Bool {
    hasValue || presentNames.contains(name)
  }

  /// Sets a field that may be null: to the value given, or to null where the body says so.
  fileprivate func apply<Value>(_ name: String, _ value: Value?, to field: inout Value?) {
    if has(name, value != nil) { field = value }
  }

  /// Checks what the contract cannot say.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every field that is null and must not be, and an expiry that is
  ///   past.
  func check(at now: Timestamp) throws(Fault) {
    var issues = Self.neverNull.filter { name in
      presentNames.contains(name) && (name == "policyId" ? policyId == nil : metadata == nil)
    }.map {
      Fault.Issue(path: [$0], message: "Must not be null", code: "invalid_type")
    }
    if let issue = Fault.Issue.ofExpiry(expiresAt, at: now) { issues.append(issue) }
    guard issues.isEmpty else { throw .invalid(issues) }
  }
}
