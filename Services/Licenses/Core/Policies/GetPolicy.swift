public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Shows one policy.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such policy.
  public func getPolicy(_ request: GetPolicyRequest, _ call: Call) async throws(Fault) -> Policy {
    let tenant = try call.requireTenant()
    let policy = try await policies.get(tenant, id: try UUID(checked: request.id))
    guard let policy else { throw .policyNotFound(request.id) }
    return policy
  }
}
