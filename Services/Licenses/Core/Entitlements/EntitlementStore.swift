internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// Where entitlements are kept.
///
/// All of its SQL is here; who has which is in EntitlementStore+Attachments.swift.
struct EntitlementStore: Sendable {
  let database: Database

  private static let columns =
    "e.id, e.code, e.name, e.description, e.metadata, e.created_at, e.updated_at"

  /// Adds an entitlement.
  ///
  /// - Throws: ``Fault`` `CONSTRAINT_VIOLATION` when one of the tenant has its code already.
  @EventLoop
  func insert(_ entitlement: Entitlement, id: UUID, _ change: Change) async throws(Fault) {
    let tenant = change.tenant
    try await storing(entitlement) { () async throws(Fault) in
      try await change.transaction.query(
        """
        insert into licenses.entitlements (
          account_id, environment, id, code, name, description, metadata, created_at, updated_at)
        values (
          \(tenant.accountID), \(tenant.environment), \(id), \(entitlement.code),
          \(entitlement.name), \(entitlement.description), \(JSONB(text: entitlement.metadata)),
          \(change.now), \(change.now))
        """
      )
    }
  }

  /// Reads an entitlement, which nobody else changes until the transaction ends.
  ///
  /// - Returns: Nil when the tenant has no such entitlement.
  @EventLoop
  func lock(_ id: UUID, _ change: Change) async throws(Fault) -> Entitlement? {
    // The lock comes first: what is read behind it is what whoever held it has left.
    change.transaction.send("select from licenses.entitlements where id = \(id) for update")
    return try Self.entitlement(try await change.transaction.query(Self.selection(id)))
  }

  /// Writes a locked entitlement as it has become.
  ///
  /// - Throws: ``Fault`` `CONSTRAINT_VIOLATION` when another one of the tenant has its code.
  @EventLoop
  func update(_ entitlement: Entitlement, id: UUID, _ change: Change) async throws(Fault) {
    try await storing(entitlement) { () async throws(Fault) in
      try await change.transaction.query(
        """
        update licenses.entitlements set
          code = \(entitlement.code), name = \(entitlement.name),
          description = \(entitlement.description),
          metadata = \(JSONB(text: entitlement.metadata)), updated_at = \(change.now)
        where id = \(id)
        """
      )
    }
  }

  /// Deletes a locked entitlement; those who have it have it no more, since only ids of rows that are there count.
  @EventLoop
  func delete(_ id: UUID, _ change: Change) {
    change.transaction.send(
      """
      update licenses.entitlements set deleted_at = \(change.now), updated_at = \(change.now)
      where id = \(id)
      """
    )
  }

  /// Reads a tenant's entitlements below an id, newest first.
  func list(_ tenant: Tenant, below: UUID, rows: Int32) async throws(Fault) -> [Entitlement] {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: Self.columns) from licenses.entitlements e
      where e.id < \(below) and e.deleted_at is null
      order by e.id desc limit \(rows)
      """
    )
    return try rows.map { (row) throws(Fault) in try Entitlement(row) }
  }

  /// Reads one of a tenant's entitlements.
  func get(_ tenant: Tenant, id: UUID) async throws(Fault) -> Entitlement? {
    try Self.entitlement(try await database.read(for: tenant, Self.selection(id)))
  }

  private static func selection(_ id: UUID) -> Query {
    """
    select \(unescaped: columns) from licenses.entitlements e
    where e.id = \(id) and e.deleted_at is null
    """
  }

  private static func entitlement(_ rows: Rows) throws(Fault) -> Entitlement? {
    guard let row = try rows.singleOrNone() else { return nil }
    return try Entitlement(row)
  }

  private func storing(
    _ entitlement: Entitlement,
    _ body: () async throws(Fault) -> Void
  ) async throws(Fault) {
    try await storingMetadata { () async throws(Fault) in
      try await storingUnique(
        "entitlements_code",
        "An entitlement with the code \(entitlement.code) exists already",
        body
      )
    }
  }
}

extension Entitlement {
  /// Reads a row of ``EntitlementStore``'s columns.
  fileprivate init(_ row: Row) throws(Fault) {
    let id: UUID = try row.value(0)
    let metadata: JSONB = try row.value(4)
    let createdAt: Timestamp = try row.value(5)
    let updatedAt: Timestamp = try row.value(6)
    self.init(
      id: id.description,
      code: try row.value(1),
      name: try row.value(2),
      description: try row.value(3),
      metadata: metadata.text,
      createdAt: createdAt.milliseconds,
      updatedAt: updatedAt.milliseconds,
      deletedAt: nil
    )
  }
}
