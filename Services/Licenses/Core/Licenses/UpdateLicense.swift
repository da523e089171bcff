internal import Changes
public import Faults
public import Messages
internal import Postgres
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Changes a license.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license; `invalidArgument` with every bad field;
  ///   `REFERENCE_NOT_FOUND` when it has no such policy or entitlement; `BUSINESS_RULE_VIOLATION` when the
  ///   policy is of another product or does not admit the license's limits; `CONFLICT` when the expiry of a
  ///   license is changed that is neither active nor suspended.
  public func updateLicense(_ request: UpdateLicenseRequest, _ call: Call) async throws(Fault)
    -> License
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await storingMetadata { () async throws(Fault) in
      try await self.changes.make(call, for: tenant) { (change) async throws(Fault) in
        try await self.update(id, request, change)
      }
    }
  }

  private func update(
    _ id: UUID,
    _ request: UpdateLicenseRequest,
    _ change: Change
  ) async throws(Fault) -> License {
    let replacements = try await self.replacements(request, change)
    guard var locked = try await self.licenses.lock(id, change) else {
      throw .notFound("License not found: \(request.id)")
    }
    try locked.settleExpiry(change)
    let before = locked.license
    if let policy = replacements.policy { locked.policy = policy }
    locked.license = try before.updated(by: request, on: locked.policy, at: change.now)
    if replacements.policy != nil || replacements.entitlements != nil {
      let policy = try UUID(checked: locked.policy.id)
      locked.license.entitlements = try await self.licenses.codes(
        of: id,
        on: policy,
        own: replacements.entitlements,
        change
      )
    }
    try change.record("license.update", id, before: before, after: locked.license)
    locked.emit(.licenseUpdated, locked.license, at: change.now)
    try self.licenses.save(locked, change)
    if replacements.policy != nil {
      self.licenses.moveMachines(of: id, to: try UUID(checked: locked.policy.id), change)
    }
    if let own = replacements.entitlements { self.licenses.set(own, of: id, change) }
    if let holder = locked.license.holder, request.userEmail != nil {
      customers.remember([holder], change)
    }
    if request.metadata != nil { self.licenses.reindex(metadataOf: id, change) }
    var answer = locked.license
    answer.policy = locked.policy
    return answer
  }

  /// What a request wants in place of the license's policy and entitlements; nil for what stays.
  private func replacements(
    _ request: UpdateLicenseRequest,
    _ change: Change
  ) async throws(Fault) -> (policy: Policy?, entitlements: [UUID]?) {
    var policy: Policy?
    if let text = request.policyId {
      let id = try UUID(checked: text)
      policy = try await licenses.policies([id], change)[id]
      guard policy != nil else { throw .referenceNotFound("Policy not found: \(text)") }
    }
    // An empty list and null are the same here: neither names any.
    let clears = Patch(request.presentNames).clears("entitlementIds", nil as [String]?)
    guard clears || !request.entitlementIds.isEmpty else { return (policy, nil) }
    var ids: Set<UUID> = []
    for text in request.entitlementIds { ids.insert(try UUID(checked: text)) }
    let codes = try await licenses.entitlementCodes(Array(ids), change)
    if let absent = ids.filter({ codes[$0] == nil }).min() {
      throw .referenceNotFound("Entitlement not found: \(absent)")
    }
    return (policy, ids.sorted())
  }
}
