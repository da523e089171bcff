internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// Where products are kept.
///
/// All of its SQL is here.
struct ProductStore: Sendable {
  let database: Database

  /// The count of licenses is the sum of the rows that creations spread it over.
  private static let columns = """
    p.id, p.name, p.code, p.description, p.key_prefix,
    (select coalesce(sum(c.licenses), 0)::bigint from licenses.product_counts c
      where c.account_id = p.account_id and c.environment = p.environment
        and c.product_id = p.id),
    p.metadata, p.created_at, p.updated_at, p.store_keys
    """

  /// Adds a product.
  ///
  /// - Throws: ``Fault`` `CONSTRAINT_VIOLATION` when a product of the tenant has its code already.
  @EventLoop
  func insert(_ product: Product, id: UUID, _ change: Change) async throws(Fault) {
    let tenant = change.tenant
    try await storing(product) { () async throws(Fault) in
      try await change.transaction.query(
        """
        insert into licenses.products (
          account_id, environment, id, name, code, description, key_prefix, metadata, store_keys,
          created_at, updated_at)
        values (
          \(tenant.accountID), \(tenant.environment), \(id), \(product.name), \(product.code),
          \(product.description), \(product.keyPrefix), \(JSONB(text: product.metadata)),
          \(product.storeKeys), \(change.now), \(change.now))
        """
      )
    }
  }

  /// Reads a product, which nobody else changes until the transaction ends.
  ///
  /// - Returns: Nil when the tenant has no such product.
  @EventLoop
  func lock(_ id: UUID, _ change: Change) async throws(Fault) -> Product? {
    // The lock comes first: what is read behind it is what whoever held it has left.
    change.transaction.send("select from licenses.products where id = \(id) for update")
    return try Self.product(try await change.transaction.query(Self.selection(id)))
  }

  /// Writes a locked product as it has become.
  ///
  /// - Throws: ``Fault`` `CONSTRAINT_VIOLATION` when another product of the tenant has its code.
  @EventLoop
  func update(_ product: Product, id: UUID, _ change: Change) async throws(Fault) {
    try await storing(product) { () async throws(Fault) in
      try await change.transaction.query(
        """
        update licenses.products set
          name = \(product.name), code = \(product.code), description = \(product.description),
          key_prefix = \(product.keyPrefix), metadata = \(JSONB(text: product.metadata)),
          store_keys = \(product.storeKeys), updated_at = \(change.now)
        where id = \(id)
        """
      )
    }
  }

  /// Deletes a locked product with its policies, unless it has licenses.
  ///
  /// Whoever issues a license or adds a policy locks the product against this first, so none comes in between.
  ///
  /// - Returns: False when it has licenses.
  @EventLoop
  func delete(_ id: UUID, _ change: Change) async throws(Fault) -> Bool {
    let licenses = try await change.transaction.query(
      "select from licenses.licenses where product_id = \(id) and deleted_at is null limit 1"
    )
    guard licenses.isEmpty else { return false }
    change.transaction.send(
      """
      update licenses.policies set deleted_at = \(change.now), updated_at = \(change.now)
      where product_id = \(id) and deleted_at is null
      """
    )
    change.transaction.send(
      """
      update licenses.products set deleted_at = \(change.now), updated_at = \(change.now)
      where id = \(id)
      """
    )
    return true
  }

  /// Reads a tenant's products below an id, newest first.
  func list(_ tenant: Tenant, below: UUID, rows: Int32) async throws(Fault) -> [Product] {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: Self.columns) from licenses.products p
      where p.id < \(below) and p.deleted_at is null
      order by p.id desc limit \(rows)
      """
    )
    return try rows.map { (row) throws(Fault) in try Product(row) }
  }

  /// Reads one of a tenant's products.
  func get(_ tenant: Tenant, id: UUID) async throws(Fault) -> Product? {
    try Self.product(try await database.read(for: tenant, Self.selection(id)))
  }

  /// Whose products' keys begin with each of many prefixes, across accounts; a prefix that no account or more
  /// than one uses is left out.
  func owners(ofPrefixes prefixes: [String]) async throws(Fault) -> [String: UUID] {
    let rows = try await database.read(
      "select key_prefix, account_id from licenses.prefix_owners(\(prefixes))"
    )
    var owners: [String: UUID] = [:]
    for row in rows { owners[try row.value(0)] = try row.value(1) as UUID }
    return owners
  }

  private static func selection(_ id: UUID) -> Query {
    """
    select \(unescaped: columns) from licenses.products p
    where p.id = \(id) and p.deleted_at is null
    """
  }

  private static func product(_ rows: Rows) throws(Fault) -> Product? {
    guard let row = try rows.singleOrNone() else { return nil }
    return try Product(row)
  }

  private func storing(
    _ product: Product,
    _ body: () async throws(Fault) -> Void
  ) async throws(Fault) {
    try await storingMetadata { () async throws(Fault) in
      try await storingUnique(
        "products_code",
        "A product with the code \(product.code) exists already",
        body
      )
    }
  }
}

extension Product {
  /// Reads a row of ``ProductStore``'s columns.
  fileprivate init(_ row: Row) throws(Fault) {
    let id: UUID = try row.value(0)
    let metadata: JSONB = try row.value(6)
    let createdAt: Timestamp = try row.value(7)
    let updatedAt: Timestamp = try row.value(8)
    self.init(
      id: id.description,
      name: try row.value(1),
      code: try row.value(2),
      description: try row.value(3),
      keyPrefix: try row.value(4),
      licensesCount: try row.value(5),
      metadata: metadata.text,
      createdAt: createdAt.milliseconds,
      updatedAt: updatedAt.milliseconds,
      deletedAt: nil,
      storeKeys: try row.value(9)
    )
  }
}
