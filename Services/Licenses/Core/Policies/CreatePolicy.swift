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
    let now = now()
    let id = UUID.v7(at: now)
    let policy = try Policy(creating: request, id: id, at: now)
    let product = try UUID(checked: request.productId)
    let isAdded = try await storingMetadata { () async throws(Fault) in
      try await policies.insert(policy, tenant, id: id, product: product, at: now)
    }
    guard isAdded else {
      throw .referenceNotFound("Product not found: \(request.productId)")
    }
    return policy
  }
}
