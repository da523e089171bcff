internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Changes a policy; all its licenses are on the new terms from then on.
  ///
  /// Seats that are taken beyond a lowered limit stay taken, and limits of a license's own stay when the policy
  /// becomes one that is not overridable.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such policy; `invalidArgument` for a null where none
  ///   can be, or when it would become unlimited without consent.
  public func updatePolicy(_ request: UpdatePolicyRequest, _ call: Call) async throws(Fault)
    -> Policy
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let before = try await self.policies.lock(id, change) else {
        throw .policyNotFound(request.id)
      }
      let policy = try before.updated(by: request, at: change.now)
      try await self.policies.update(policy, id: id, change)
      try change.record("policy.update", id, before: before, after: policy)
      return policy
    }
  }
}
