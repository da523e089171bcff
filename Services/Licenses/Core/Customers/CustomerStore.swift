internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// Where customers are kept.
///
/// All of its SQL is here; what follows from their licenses is in CustomerStore+Licenses.swift. Licenses refer to
/// their customer by nothing but the address, which both tables keep in lower case besides, as `email_folded` and
/// `user_email_folded`.
struct CustomerStore: Sendable {
  let database: Database

  private static let columns = """
    c.id, c.email, c.name,
    (select count(*) from licenses.licenses l
      where l.account_id = c.account_id and l.environment = c.environment
        and l.user_email_folded = c.email_folded and l.deleted_at is null),
    c.metadata, c.created_at, c.updated_at
    """

  /// Adds a customer.
  ///
  /// - Throws: ``Fault`` `CONSTRAINT_VIOLATION` when a customer of the tenant has its address already.
  @EventLoop
  func insert(_ customer: Customer, id: UUID, _ change: Change) async throws(Fault) {
    let tenant = change.tenant
    try await storing(customer) { () async throws(Fault) in
      try await change.transaction.query(
        """
        insert into licenses.customers (
          account_id, environment, id, email, name, metadata, created_at, updated_at)
        values (
          \(tenant.accountID), \(tenant.environment), \(id), \(customer.email), \(customer.name),
          \(JSONB(text: customer.metadata)), \(change.now), \(change.now))
        """
      )
    }
  }

  /// Reads a customer, whom nobody else changes until the transaction ends.
  ///
  /// - Returns: Nil when the tenant has no such customer.
  @EventLoop
  func lock(_ id: UUID, _ change: Change) async throws(Fault) -> Customer? {
    // The lock comes first: what is read behind it is what whoever held it has left.
    change.transaction.send("select from licenses.customers where id = \(id) for update")
    return try await get(id, change)
  }

  /// Reads a customer as the transaction sees it.
  @EventLoop
  func get(_ id: UUID, _ change: Change) async throws(Fault) -> Customer? {
    try Self.customer(try await change.transaction.query(Self.selection(id)))
  }

  /// Writes a locked customer as it has become.
  ///
  /// - Throws: ``Fault`` `CONSTRAINT_VIOLATION` when another customer of the tenant has its address.
  @EventLoop
  func update(_ customer: Customer, id: UUID, _ change: Change) async throws(Fault) {
    try await storing(customer) { () async throws(Fault) in
      try await change.transaction.query(
        """
        update licenses.customers set
          email = \(customer.email), name = \(customer.name),
          metadata = \(JSONB(text: customer.metadata)), updated_at = \(change.now)
        where id = \(id)
        """
      )
    }
  }

  /// Deletes a locked customer; the licenses stay as they are.
  @EventLoop
  func delete(_ id: UUID, _ change: Change) {
    change.transaction.send(
      """
      update licenses.customers set deleted_at = \(change.now), updated_at = \(change.now)
      where id = \(id)
      """
    )
  }

  /// Reads a tenant's customers below an id, newest first.
  ///
  /// - Parameters:
  ///   - tenant: Whose.
  ///   - email: Of this address only, in whatever case; of all when nil.
  ///   - below: What every id must be below.
  ///   - rows: How many at most.
  /// - Returns: The customers.
  /// - Throws: Faults of the database.
  func list(
    _ tenant: Tenant,
    email: String?,
    below: UUID,
    rows: Int32
  ) async throws(Fault) -> [Customer] {
    let listing = Self.listing(email: email, below: below, rows: rows)
    let rows = try await database.read(for: tenant, listing)
    return try rows.map { (row) throws(Fault) in try Customer(row) }
  }

  /// What ``list(_:email:below:rows:)`` asks the database.
  static func listing(email: String?, below: UUID, rows: Int32) -> Query {
    let ofAddress: Query = email.map { "and c.email_folded = lower(\($0))" } ?? ""
    return """
      select \(unescaped: columns) from licenses.customers c
      where c.id < \(below) and c.deleted_at is null \(ofAddress)
      order by c.id desc limit \(rows)
      """
  }

  /// Reads one of a tenant's customers.
  func get(_ tenant: Tenant, id: UUID) async throws(Fault) -> Customer? {
    try Self.customer(try await database.read(for: tenant, Self.selection(id)))
  }

  private static func selection(_ id: UUID) -> Query {
    """
    select \(unescaped: columns) from licenses.customers c
    where c.id = \(id) and c.deleted_at is null
    """
  }

  private static func customer(_ rows: Rows) throws(Fault) -> Customer? {
    guard let row = try rows.singleOrNone() else { return nil }
    return try Customer(row)
  }

  private func storing(
    _ customer: Customer,
    _ body: () async throws(Fault) -> Void
  ) async throws(Fault) {
    try await storingMetadata { () async throws(Fault) in
      try await storingUnique(
        "customers_email",
        "A customer with the address \(customer.email) exists already",
        body
      )
    }
  }
}

extension Customer {
  /// Reads a row of ``CustomerStore``'s columns.
  fileprivate init(_ row: Row) throws(Fault) {
    let id: UUID = try row.value(0)
    let metadata: JSONB = try row.value(4)
    let createdAt: Timestamp = try row.value(5)
    let updatedAt: Timestamp = try row.value(6)
    self.init(
      id: id.description,
      email: try row.value(1),
      name: try row.value(2),
      licensesCount: try row.value(3),
      metadata: metadata.text,
      createdAt: createdAt.milliseconds,
      updatedAt: updatedAt.milliseconds,
      deletedAt: nil
    )
  }
}
