internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

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
    p.metadata, p.created_at, p.updated_at
    """

  /// Adds a product.
  ///
  /// - Returns: False when a product of the tenant has its code already, also when the other one is being
  ///   added at this moment: then this waits for it to be committed.
  func insert(_ product: Product, _ tenant: Tenant, id: UUID, at now: Timestamp) async throws(Fault)
    -> Bool
  {
    let rows = try await database.query(
      for: tenant,
      """
      insert into licenses.products (
        account_id, environment, id, name, code, description, key_prefix, metadata,
        created_at, updated_at)
      values (
        \(tenant.accountID), \(tenant.environment), \(id), \(product.name), \(product.code),
        \(product.description), \(product.keyPrefix), \(JSONB(text: product.metadata)),
        \(now), \(now))
      on conflict (account_id, environment, code) where deleted_at is null do nothing
      """
    )
    return rows.affectedCount == 1
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
    var products: [Product] = []
    products.reserveCapacity(rows.count)
    for row in rows { products.append(try Product(row)) }
    return products
  }

  /// Reads one of a tenant's products.
  func get(_ tenant: Tenant, id: UUID) async throws(Fault) -> Product? {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: Self.columns) from licenses.products p
      where p.id = \(id) and p.deleted_at is null
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return try Product(row)
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
      deletedAt: nil
    )
  }
}
