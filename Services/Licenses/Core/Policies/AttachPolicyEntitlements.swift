internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Gives entitlements to all licenses of a policy; those that it has already do no harm.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such policy; `invalidArgument` when no entitlement is
  ///   named; `REFERENCE_NOT_FOUND` for one that is not there; `BUSINESS_RULE_VIOLATION` when it would have more
  ///   than ``EntitlementStore/attachedMax``.
  public func attachPolicyEntitlements(_ request: AttachmentRequest, _ call: Call)
    async throws(Fault) -> Policy
  {
    try await changeEntitlements(ofPolicy: request, call, .attach)
  }

  /// Gives a policy entitlements or takes them from it, under its lock; what changes nothing is no change.
  func changeEntitlements(
    ofPolicy request: AttachmentRequest,
    _ call: Call,
    _ attachment: Attachment
  ) async throws(Fault) -> Policy {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let before = try await self.policies.lock(id, change) else {
        throw .policyNotFound(request.id)
      }
      let named = try await self.entitlements.find(request, change)
      guard try await self.entitlements.apply(attachment, named, to: .policy, id, change),
        let after = try await self.policies.lock(id, change)
      else { return before }
      try change.record("policy.\(attachment.verb)", id, before: before, after: after)
      return after
    }
  }
}
