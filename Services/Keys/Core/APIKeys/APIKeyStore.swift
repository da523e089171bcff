internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// Where API keys are kept.
///
/// All of its SQL is here.
struct APIKeyStore: Sendable {
  let database: Database

  private static let columns =
    "id, name, hint, scopes, created_by, expires_at, revoked_at, created_at"

  /// Adds an API key and the hash that leads to it.
  ///
  /// - Returns: False when there is no such account.
  @EventLoop
  func insert(
    _ key: APIKeyRecord,
    sha256: [UInt8],
    _ change: Change
  ) async throws(Fault) -> Bool {
    let tenant = key.tenant
    let rows = try await change.transaction.query(
      """
      with api_key as (
        insert into keys.api_keys (
          account_id, environment, id, name, hint, scopes, created_by, expires_at, created_at)
        select account_id, \(tenant.environment), \(key.id), \(key.name), \(key.hint),
          \(key.scopes.stored), \(key.createdBy), \(key.expiresAt), \(key.createdAt)
        from keys.accounts where account_id = \(tenant.accountID)
        returning account_id, environment, id
      )
      insert into keys.api_key_hashes (sha256, account_id, environment, api_key_id)
      select \(sha256), account_id, environment, id from api_key
      """
    )
    return rows.affectedCount == 1
  }

  /// Reads a tenant's API keys below an id, newest first.
  func list(_ tenant: Tenant, below: UUID, rows: Int32) async throws(Fault) -> [APIKeyRecord] {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: Self.columns) from keys.api_keys
      where id < \(below) order by id desc limit \(rows)
      """
    )
    var keys: [APIKeyRecord] = []
    keys.reserveCapacity(rows.count)
    for row in rows { keys.append(try APIKeyRecord(row, tenant)) }
    return keys
  }

  /// Reads one of a tenant's API keys.
  func get(_ tenant: Tenant, id: UUID) async throws(Fault) -> APIKeyRecord? {
    let rows = try await database.read(
      for: tenant,
      "select \(unescaped: Self.columns) from keys.api_keys where id = \(id)"
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return try APIKeyRecord(row, tenant)
  }

  /// Reads one of a tenant's API keys, which nobody else changes until the transaction ends.
  @EventLoop
  func lock(_ id: UUID, _ change: Change) async throws(Fault) -> APIKeyRecord? {
    let rows = try await change.transaction.query(
      "select \(unescaped: Self.columns) from keys.api_keys where id = \(id) for update"
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return try APIKeyRecord(row, change.tenant)
  }

  /// Revokes a locked API key.
  @EventLoop
  func revoke(_ id: UUID, _ change: Change) {
    change.transaction.send(
      "update keys.api_keys set revoked_at = \(change.now) where id = \(id)"
    )
  }

  /// Reads whom each of many hashes belongs to, across accounts; a hash that no key has is left out.
  func authenticate(_ hashes: [Digest]) async throws(Fault) -> [Digest: KeyFacts] {
    let rows = try await database.read(
      """
      select sha256, account_id, environment, api_key_id, scopes, expires_at, revoked_at
      from keys.authenticate(\(hashes))
      """
    )
    var facts: [Digest: KeyFacts] = [:]
    facts.reserveCapacity(rows.count)
    for row in rows {
      let tenant = Tenant(accountID: try row.value(1), environment: try row.value(2))
      facts[try row.value(0)] = KeyFacts(
        tenant: tenant,
        id: try row.value(3),
        scopes: Scopes(stored: try row.value(4)),
        expiresAt: try row.value(5),
        revokedAt: try row.value(6)
      )
    }
    return facts
  }
}

extension APIKeyRecord {
  /// Reads a row of ``APIKeyStore``'s columns.
  fileprivate init(_ row: Row, _ tenant: Tenant) throws(Fault) {
    self.init(
      tenant: tenant,
      id: try row.value(0),
      name: try row.value(1),
      hint: try row.value(2),
      scopes: Scopes(stored: try row.value(3)),
      createdBy: try row.value(4),
      expiresAt: try row.value(5),
      revokedAt: try row.value(6),
      createdAt: try row.value(7)
    )
  }
}
