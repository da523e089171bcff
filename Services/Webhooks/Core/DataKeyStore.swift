internal import Changes
internal import Cryptography
internal import Faults
internal import Postgres
internal import Primitives

/// Where the wrapped keys that seal the secrets of accounts' webhooks are kept.
///
/// All of its SQL is here.
final class DataKeyStore: DataKeys {
  let database: Database
  let sealer: Sealer
  private let now: @Sendable () -> Timestamp

  init(database: Database, sealer: Sealer, now: @escaping @Sendable () -> Timestamp) {
    self.database = database
    self.sealer = sealer
    self.now = now
  }

  /// The key that seals what is new; an account's first is made when it is asked for.
  func newest(of tenant: Tenant) async throws(Fault) -> DataKey {
    let rows = try await database.read(
      for: tenant,
      "select version, wrapped_key from webhooks.data_keys order by version desc limit 1"
    )
    if let row = try rows.singleOrNone() { return try open(row, tenant) }
    return try sealer.unwrap(try await make(for: tenant))
  }

  /// The key that opens what was sealed by a version.
  func key(of tenant: Tenant, version: UInt32) async throws(Fault) -> DataKey {
    let rows = try await database.read(
      for: tenant,
      "select version, wrapped_key from webhooks.data_keys where version = \(Int32(clamping: version))"
    )
    guard let row = try rows.singleOrNone() else {
      throw Fault(
        .dataLoss,
        "Stored data could not be read",
        reason: .internalError,
        detail: "account \(tenant.accountID) has no data key \(version)"
      )
    }
    return try open(row, tenant)
  }

  /// Makes an account's first data key, unless somebody else does at this moment.
  ///
  /// It is committed before it is used: a secret is never sealed with a key that could be rolled back, or
  /// that loses to one made elsewhere.
  ///
  /// - Returns: The key that is there afterwards.
  func make(for tenant: Tenant) async throws(Fault) -> WrappedDataKey {
    let made = sealer.makeDataKey(for: tenant.accountID)
    try await database.query(
      for: tenant,
      """
      insert into webhooks.data_keys (account_id, version, wrapped_key, created_at)
      values (\(made.accountID), \(Int32(made.version)), \(made.bytes), \(now()))
      on conflict do nothing
      """
    )
    let row = try await database.read(
      for: tenant,
      "select version, wrapped_key from webhooks.data_keys order by version desc limit 1"
    ).single()
    return try Self.wrapped(row, tenant)
  }

  private func open(_ row: Row, _ tenant: Tenant) throws(Fault) -> DataKey {
    try sealer.unwrap(try Self.wrapped(row, tenant))
  }

  private static func wrapped(_ row: Row, _ tenant: Tenant) throws(Fault) -> WrappedDataKey {
    let version: Int32 = try row.value(0)
    return WrappedDataKey(
      accountID: tenant.accountID,
      version: UInt32(version),
      bytes: try row.value(1)
    )
  }
}
