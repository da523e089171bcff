internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Gives a license entitlements of its own; those that it has already do no harm.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license; `invalidArgument` when no entitlement is
  ///   named; `REFERENCE_NOT_FOUND` for one that is not there; `BUSINESS_RULE_VIOLATION` when it would have more
  ///   than ``EntitlementStore/attachedMax``.
  public func attachLicenseEntitlements(_ request: AttachmentRequest, _ call: Call)
    async throws(Fault) -> License
  {
    try await changeEntitlements(ofLicense: request, call, .attach)
  }

  /// Gives a license entitlements or takes them from it, under its lock; what changes nothing is no change.
  func changeEntitlements(
    ofLicense request: AttachmentRequest,
    _ call: Call,
    _ attachment: Attachment
  ) async throws(Fault) -> License {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard var locked = try await self.licenses.lock(id, change) else {
        throw .notFound("License not found: \(request.id)")
      }
      let before = locked.license
      let named = try await self.entitlements.find(request, change)
      if try await self.entitlements.apply(attachment, named, to: .license, id, change),
        let after = try await self.licenses.lock(id, change)
      {
        locked = after
        locked.emit(.licenseUpdated, locked.current(at: change.now), at: change.now)
        try change.record(
          "license.\(attachment.verb)",
          id,
          before: before,
          after: locked.license
        )
        try self.licenses.save(locked, change)
      }
      var answer = locked.current(at: change.now)
      answer.policy = locked.policy
      return answer
    }
  }
}
