public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Shows one product.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such product.
  public func getProduct(_ request: GetProductRequest, _ call: Call) async throws(Fault) -> Product
  {
    let tenant = try call.requireTenant()
    let product = try await products.get(tenant, id: try UUID(checked: request.id))
    guard let product else { throw .productNotFound(request.id) }
    return product
  }
}
