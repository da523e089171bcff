internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Adds a policy to a product.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when it would be unlimited without consent;
  ///   `REFERENCE_NOT_FOUND` when the tenant has no such product.
  public func createPolicy(_ request: CreatePolicyRequest, _ call: Call) async throws(Fault)
    -> Policy
  {
    let tenant = try call.requireTenant()
    let product = try UUID(checked: request.productId)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let id = UUID.v7(at: change.now)
      let policy = try Policy(creating: request, id: id, at: change.now)
      guard try await self.policies.insert(policy, id: id, product: product, change) else {
        throw .referenceNotFound("Product not found: \(request.productId)")
      }
      try change.record("policy.create", id, before: nil, after: policy)
      return policy
    }
  }
}
