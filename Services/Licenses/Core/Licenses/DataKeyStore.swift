internal import Cryptography
internal import Faults
internal import Postgres
internal import Primitives

/// Where the wrapped keys that seal accounts' license keys are kept.
///
/// All of its SQL is here.
struct DataKeyStore: Sendable {
  let database: Database

  /// Makes an account's first data key, unless somebody else does at this moment.
  ///
  /// It is committed before it is used: a secret is never sealed with a key that could be rolled back, or
  /// that loses to one made elsewhere.
  ///
  /// - Returns: The key that is there afterwards.
  func make(
    for tenant: Tenant,
    _ sealer: Sealer,
    at now: Timestamp
  ) async throws(Fault) -> WrappedDataKey {
    let made = sealer.makeDataKey(for: tenant.accountID)
    try await database.query(
      for: tenant,
      """
      insert into licenses.data_keys (account_id, version, wrapped_key, created_at)
      values (\(made.accountID), \(Int32(made.version)), \(made.bytes), \(now))
      on conflict do nothing
      """
    )
    let row = try await database.read(
      for: tenant,
      "select version, wrapped_key from licenses.data_keys order by version desc limit 1"
    ).single()
    let version: Int32 = try row.value(0)
    return WrappedDataKey(
      accountID: tenant.accountID,
      version: UInt32(version),
      bytes: try row.value(1)
    )
  }
}
