internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Licenses {
  /// Adds a product.
  ///
  /// - Throws: ``Fault`` `CONSTRAINT_VIOLATION` when another product of the tenant has the code;
  ///   `PLAN_LIMIT_EXCEEDED` when the environment may have no further product.
  public func createProduct(_ request: CreateProductRequest, _ call: Call) async throws(Fault)
    -> Product
  {
    let tenant = try call.requireTenant()
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let id = UUID.v7(at: change.now)
      let product = Product(creating: request, id: id, at: change.now)
      try await self.products.insert(product, id: id, change)
      try await self.products.keep(self.limits, change)
      try change.record("product.create", id, before: nil, after: product)
      return product
    }
  }
}

extension Product {
  /// What keys begin with when a product does not say.
  static let defaultKeyPrefix = "LIC"

  /// The product that a request describes.
  init(creating request: CreateProductRequest, id: UUID, at now: Timestamp) {
    self.init(
      id: id.description,
      name: request.name,
      code: request.code,
      description: request.description,
      keyPrefix: request.keyPrefix ?? Self.defaultKeyPrefix,
      licensesCount: 0,
      metadata: request.metadata ?? emptyObject,
      createdAt: now.milliseconds,
      updatedAt: now.milliseconds,
      deletedAt: nil,
      storeKeys: request.storeKeys ?? true
    )
  }
}
