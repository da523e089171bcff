internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Changes a product.
  ///
  /// Asked not to store keys, it erases those that are stored, in the same change: one answer says that there are
  /// none any more. What one change erases is limited, since it holds the product's lock; where there are more,
  /// the request is refused, and what it has erased stays erased.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such product; `CONSTRAINT_VIOLATION` when another one
  ///   has the new code; `invalidArgument` for a null where none can be; `BUSINESS_RULE_VIOLATION` while there
  ///   are more stored keys than one change erases.
  public func updateProduct(_ request: UpdateProductRequest, _ call: Call) async throws(Fault)
    -> Product
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.makeOrRefuse(call, for: tenant) { (change) async throws(Fault) in
      guard let before = try await self.products.lock(id, change) else {
        throw .productNotFound(request.id)
      }
      let product = try before.updated(by: request, at: change.now)
      if request.storeKeys == false {
        guard try await self.licenses.eraseKeys(ofProduct: id, change) else {
          try change.record("product.erase-keys", id, before: before, after: before)
          return .refused(.tooManyStoredKeys)
        }
      }
      try await self.products.update(product, id: id, change)
      try change.record("product.update", id, before: before, after: product)
      return .done(product)
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
    patch.set(&product.storeKeys, "storeKeys", request.storeKeys)
    try patch.check()
    product.updatedAt = now.milliseconds
    return product
  }
}

extension Fault {
  /// Part of a product's stored keys is erased, and not yet all.
  fileprivate static let tooManyStoredKeys = businessRule(
    """
    The product has too many stored keys for one request: \(LicenseStore.keysErasedMax) were erased, and nothing \
    else was changed. Send the request again until it succeeds
    """
  )
}
