internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// Where keysets are kept.
///
/// All of its SQL is here.
struct KeysetStore: Sendable {
  let database: Database

  private static let keyColumns = """
    id, public_key, sealed_seed, activates_at, retired_at, revoked_at, created_at
    """

  /// Reads the keys of a tenant, newest first; none when it has no keyset.
  func keys(_ tenant: Tenant) async throws(Fault) -> [StoredKey] {
    try Self.keys(try await database.read(for: tenant, Self.allKeys))
  }

  /// Reads a tenant's keyset.
  ///
  /// - Returns: Nil when it has none.
  func get(_ tenant: Tenant) async throws(Fault) -> StoredKeyset? {
    let rows = try await database.read(for: tenant, Self.keyset)
    guard let row = try rows.singleOrNone() else { return nil }
    return try Self.keyset(row, keys: try await keys(tenant))
  }

  /// Reads a tenant's keyset, and locks it until the transaction ends.
  ///
  /// The lock travels in front of the reading: what is read was committed before it was given.
  ///
  /// - Throws: ``Fault`` `internalError` when the tenant has none.
  @EventLoop
  func lock(_ change: Change) async throws(Fault) -> StoredKeyset {
    lockOnly(change)
    let row = try await change.transaction.query(Self.keyset).single()
    return try Self.keyset(
      row,
      keys: try Self.keys(try await change.transaction.query(Self.allKeys))
    )
  }

  /// Locks a tenant's keyset, if it has one; the statement travels with the next one.
  @EventLoop
  func lockOnly(_ change: Change) {
    change.transaction.send("select from signing.keysets for update")
  }

  /// Adds a tenant's keyset, unless somebody else has; then this waits until that is committed.
  ///
  /// - Returns: Whether it was added.
  @EventLoop
  func insert(_ change: Change) async throws(Fault) -> Bool {
    try await change.transaction.query(
      """
      insert into signing.keysets (account_id, environment, created_at)
      values (\(change.tenant.accountID), \(change.tenant.environment), \(change.now))
      on conflict do nothing
      """
    ).affectedCount == 1
  }

  /// Writes the keys of a locked keyset as they have become.
  ///
  /// They travel with the next statement.
  @EventLoop
  func save(_ keys: [StoredKey], _ change: Change) {
    let tenant = change.tenant
    for key in keys {
      change.transaction.send(
        """
        insert into signing.keys (account_id, environment, id, public_key, key_id, sealed_seed, activates_at,
          retired_at, revoked_at, created_at)
        values (\(tenant.accountID), \(tenant.environment), \(key.id), \(key.publicKey.bytes),
          \(key.publicKey.id), \(key.sealedSeed), \(key.activatesAt), \(key.retiredAt), \(key.revokedAt),
          \(key.createdAt))
        on conflict (account_id, environment, id) do update set sealed_seed = excluded.sealed_seed,
          activates_at = excluded.activates_at, retired_at = excluded.retired_at,
          revoked_at = excluded.revoked_at
        """
      )
    }
  }

  /// Writes the root of a locked keyset.
  ///
  /// It travels with the next statement.
  @EventLoop
  func save(_ root: StoredKeyset.Root, _ change: Change) {
    change.transaction.send(
      """
      update signing.keysets set root_public_key = \(root.publicKey.bytes),
        root_created_at = \(root.createdAt)
      """
    )
  }

  private static let allKeys: Query =
    "select \(unescaped: keyColumns) from signing.keys order by id desc"

  private static let keyset: Query = """
    select k.root_public_key, k.root_created_at, k.last_number, \(unescaped: StatementStore.columns)
    from signing.keysets k
    left join signing.statements s on s.account_id = k.account_id
      and s.environment = k.environment and s.kind = 'succession'
    """

  private static func keyset(_ row: Row, keys: [StoredKey]) throws(Fault) -> StoredKeyset {
    var root: StoredKeyset.Root?
    if let bytes: [UInt8] = try row.value(0) {
      root = StoredKeyset.Root(publicKey: try publicKey(bytes), createdAt: try row.value(1))
    }
    return StoredKeyset(
      root: root,
      lastNumber: try row.value(2),
      succession: try StoredStatement(row, from: 3),
      keys: keys
    )
  }

  private static func keys(_ rows: Rows) throws(Fault) -> [StoredKey] {
    try rows.map { (row) throws(Fault) in
      StoredKey(
        id: try row.value(0),
        publicKey: try publicKey(try row.value(1)),
        sealedSeed: try row.value(2),
        createdAt: try row.value(6),
        activatesAt: try row.value(3),
        retiredAt: try row.value(4),
        revokedAt: try row.value(5)
      )
    }
  }

  /// A public key that was stored.
  static func publicKey(_ bytes: [UInt8]) throws(Fault) -> Ed25519PublicKey {
    guard let key = Ed25519PublicKey(bytes: bytes) else {
      throw Fault(.dataLoss, "Stored data could not be read", reason: .internalError)
    }
    return key
  }
}
