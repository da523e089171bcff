public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Shows one entitlement.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such entitlement.
  public func getEntitlement(_ request: GetEntitlementRequest, _ call: Call) async throws(Fault)
    -> Entitlement
  {
    let tenant = try call.requireTenant()
    let entitlement = try await entitlements.get(tenant, id: try UUID(checked: request.id))
    guard let entitlement else { throw .entitlementNotFound(request.id) }
    return entitlement
  }
}

extension Fault {
  /// The tenant has no such entitlement.
  static func entitlementNotFound(_ id: String) -> Fault {
    .notFound("Entitlement not found: \(id)")
  }
}
