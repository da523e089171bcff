internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Changes a product.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such product; `CONSTRAINT_VIOLATION` when another one
  ///   has the new code; `invalidArgument` for a null where none can be.
  public func updateProduct(_ request: UpdateProductRequest, _ call: Call) async throws(Fault)
    -> Product
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let before = try await self.products.lock(id, change) else {
        throw .productNotFound(request.id)
      }
      let product = try before.updated(by: request, at: change.now)
      try await self.products.update(product, id: id, change)
      try change.record("product.update", id, before: before, after: product)
      return product
    }
  }
}

extension Product {
  /// What a request makes of the product.
  fileprivate func updated(
    by request: UpdateProductRequest,
    at now: Timestamp
  ) throws(Fault) -> Product {
    var product = self
    var patch = Patch(request.presentNames)
    patch.set(&product.name, "name", request.name)
    patch.set(&product.code, "code", request.code)
    patch.setOrClear(&product.description, "description", request.description)
    patch.set(&product.keyPrefix, "keyPrefix", request.keyPrefix)
    patch.set(&product.metadata, "metadata", request.metadata)
    try patch.check()
    product.updatedAt = now.milliseconds
    return product
  }
}
