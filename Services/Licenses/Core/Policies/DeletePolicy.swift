internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Deletes a policy.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such policy; `CONFLICT` while licenses are on it.
  public func deletePolicy(_ request: DeletePolicyRequest, _ call: Call) async throws(Fault)
    -> Nothing
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let policy = try await self.policies.lock(id, change) else {
        throw .policyNotFound(request.id)
      }
      guard try await self.policies.delete(id, change) else {
        throw Fault(
          .aborted,
          "Licenses are on the policy; delete them or move them to another policy first",
          reason: .conflict
        )
      }
      try change.record("policy.delete", id, before: policy, after: nil)
      return Nothing()
    }
  }
}

extension Fault {
  /// The tenant has no such policy.
  static func policyNotFound(_ id: String) -> Fault { .notFound("Policy not found: \(id)") }
}
