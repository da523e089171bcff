internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// Where the latest statements are kept.
///
/// All of its SQL is here.
struct StatementStore: Sendable {
  let database: Database

  /// The columns that ``StoredStatement/init(_:from:)`` reads, of a table called `s`.
  static let columns =
    "s.kind, s.number, s.content_sha256, s.key_ids, s.text, s.issued_at"

  /// Reads a tenant's statements.
  func all(_ tenant: Tenant) async throws(Fault) -> [StoredStatement] {
    try Self.statements(try await database.read(for: tenant, Self.selection))
  }

  /// The same, as the transaction of a change sees them.
  @EventLoop
  func all(_ change: Change) async throws(Fault) -> [StoredStatement] {
    try Self.statements(try await change.transaction.query(Self.selection))
  }

  private static let selection: Query =
    "select \(unescaped: columns) from signing.statements s"

  private static func statements(_ rows: Rows) throws(Fault) -> [StoredStatement] {
    var statements: [StoredStatement] = []
    for row in rows {
      if let statement = try StoredStatement(row, from: 0) { statements.append(statement) }
    }
    return statements
  }

  /// Puts a statement in the place of the one of its kind, under the lock of the keyset.
  ///
  /// It travels with the next statement.
  @EventLoop
  func save(_ statement: StoredStatement, _ change: Change) {
    let tenant = change.tenant
    change.transaction.send(
      """
      insert into signing.statements (account_id, environment, kind, number, content_sha256, key_ids, text, issued_at)
      values (\(tenant.accountID), \(tenant.environment), \(statement.kind.rawValue), \(statement.number),
        \(statement.contentHash), \(statement.keyIDs), \(statement.text), \(statement.issuedAt))
      on conflict (account_id, environment, kind) do update set number = excluded.number,
        content_sha256 = excluded.content_sha256, key_ids = excluded.key_ids, text = excluded.text,
        issued_at = excluded.issued_at
      """
    )
    change.transaction.send(
      """
      update signing.keysets set last_number = greatest(last_number, \(statement.number))
      """
    )
  }

  /// Withdraws the succession, under the lock of the keyset.
  ///
  /// It travels with the next statement.
  @EventLoop
  func deleteSuccession(_ change: Change) {
    change.transaction.send("delete from signing.statements where kind = 'succession'")
  }
}

extension StoredStatement {
  /// Reads ``StatementStore/columns``, which begin at a column; nil when there is no statement.
  init?(_ row: Row, from first: Int) throws(Fault) {
    guard let name: String = try row.value(first) else { return nil }
    guard let kind = Kind(rawValue: name) else {
      throw .internalError("A statement is of the unknown kind \(name)")
    }
    self.init(
      kind: kind,
      number: try row.value(first + 1),
      contentHash: try row.value(first + 2),
      keyIDs: try row.value(first + 3),
      text: try row.value(first + 4),
      issuedAt: try row.value(first + 5)
    )
  }
}
