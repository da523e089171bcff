internal import Changes
internal import Cryptography
internal import Faults
internal import Postgres
internal import Primitives

/// Where the wrapped keys that seal accounts' secrets are read; each account's is made with the account.
///
/// All of its SQL is here.
final class DataKeyStore: DataKeys {
  private let database: Database
  private let sealer: Sealer

  init(database: Database, sealer: Sealer) {
    self.database = database
    self.sealer = sealer
  }

  /// The key that seals what is new.
  ///
  /// - Throws: ``Fault`` `dataLoss` when there is no such account.
  func newest(of tenant: Tenant) async throws(Fault) -> DataKey {
    let rows = try await database.read(
      for: tenant,
      "select version, wrapped_key from keys.data_keys order by version desc limit 1"
    )
    return try open(rows, tenant)
  }

  /// The key that opens what was sealed by a version.
  func key(of tenant: Tenant, version: UInt32) async throws(Fault) -> DataKey {
    let rows = try await database.read(
      for: tenant,
      "select version, wrapped_key from keys.data_keys where version = \(Int32(clamping: version))"
    )
    return try open(rows, tenant)
  }

  private func open(_ rows: Rows, _ tenant: Tenant) throws(Fault) -> DataKey {
    guard let row = try rows.singleOrNone() else {
      throw Fault(
        .dataLoss,
        "Stored data could not be read",
        reason: .internalError,
        detail: "account \(tenant.accountID) lacks a data key"
      )
    }
    let version: Int32 = try row.value(0)
    return try sealer.unwrap(
      WrappedDataKey(
        accountID: tenant.accountID,
        version: UInt32(version),
        bytes: try row.value(1)
      )
    )
  }
}
