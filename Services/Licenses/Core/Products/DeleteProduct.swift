internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Deletes a product and its policies.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such product; `CONFLICT` while it has licenses.
  public func deleteProduct(_ request: DeleteProductRequest, _ call: Call) async throws(Fault)
    -> Nothing
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let product = try await self.products.lock(id, change) else {
        throw .productNotFound(request.id)
      }
      guard try await self.products.delete(id, change) else {
        throw Fault(
          .aborted,
          "The product has licenses; delete them first",
          reason: .conflict
        )
      }
      try change.record("product.delete", id, before: product, after: nil)
      return Nothing()
    }
  }
}

extension Fault {
  /// The tenant has no such product.
  static func productNotFound(_ id: String) -> Fault { .notFound("Product not found: \(id)") }
}
