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

  static let columns = """
    id, name, hint, scopes, created_by, expires_at, revoked_at, created_at, allowed_addresses,
    last_used_at, replaces, replaced_by, leaked_at, retires_at
    """

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
          account_id, environment, id, name, hint, scopes, created_by, expires_at, created_at,
          allowed_addresses, replaces)
        select account_id, \(tenant.environment), \(key.id), \(key.name), \(key.hint),
          \(key.scopes.stored), \(key.createdBy), \(key.expiresAt), \(key.createdAt),
          \(key.allowedAddresses.texts), \(key.replaces)
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
    return try records(rows, tenant)
  }

  /// Reads all rows of a tenant's API keys.
  func records(_ rows: Rows, _ tenant: Tenant) throws(Fault) -> [APIKeyRecord] {
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

  /// The same, as the transaction of a change sees it.
  @EventLoop
  func get(_ id: UUID, _ change: Change) async throws(Fault) -> APIKeyRecord? {
    let rows = try await change.transaction.query(
      "select \(unescaped: Self.columns) from keys.api_keys where id = \(id)"
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return try APIKeyRecord(row, change.tenant)
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

  /// Writes what may change of a locked API key; when its expiry moves, there will be another warning of it.
  @EventLoop
  func update(_ key: APIKeyRecord, _ change: Change) {
    change.transaction.send(
      """
      update keys.api_keys set
        name = \(key.name), allowed_addresses = \(key.allowedAddresses.texts),
        expires_at = \(key.expiresAt), replaced_by = \(key.replacedBy),
        expiry_warned_at = case when expires_at is not distinct from \(key.expiresAt)
          then expiry_warned_at end
      where id = \(key.id)
      """
    )
  }

  /// Revokes a locked API key.
  @EventLoop
  func revoke(_ id: UUID, _ change: Change) {
    change.transaction.send(
      "update keys.api_keys set revoked_at = \(change.now) where id = \(id)"
    )
  }

  /// Writes what the report of a leak makes of a locked API key.
  @EventLoop
  func noteLeak(of key: APIKeyRecord, _ change: Change) {
    change.transaction.send(
      """
      update keys.api_keys set
        leaked_at = \(key.leakedAt), retires_at = \(key.retiresAt), revoked_at = \(key.revokedAt)
      where id = \(key.id)
      """
    )
  }

  /// Reads whom each of many hashes belongs to, across accounts; a hash that no key has is left out.
  func authenticate(_ hashes: [Digest]) async throws(Fault) -> [Digest: KeyFacts] {
    let rows = try await database.read(
      """
      select sha256, account_id, environment, api_key_id, scopes, expires_at, revoked_at,
        allowed_addresses, is_retiring
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
        allowedAddresses: try AllowedAddresses(stored: try row.value(7)),
        expiresAt: try row.value(5),
        revokedAt: try row.value(6),
        isRetiring: try row.value(8)
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
      allowedAddresses: try AllowedAddresses(stored: try row.value(8)),
      createdBy: try row.value(4),
      replaces: try row.value(10),
      replacedBy: try row.value(11),
      lastUsedAt: try row.value(9),
      expiresAt: try row.value(5),
      revokedAt: try row.value(6),
      leakedAt: try row.value(12),
      retiresAt: try row.value(13),
      createdAt: try row.value(7)
    )
  }
}
