internal import Cryptography
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

/// Where licenses are kept.
///
/// All of its SQL is here; the columns lie beside what reads them, in License+Row.swift.
struct LicenseStore: Sendable {
  let database: Database

  /// Over how many rows the count of a product's licenses is spread.
  ///
  /// Creations of one product wait for each other's row, so one would put them in line. The table's
  /// check has the same number.
  static let countShards: Int16 = 16

  /// A license's own policy, joined by the whole of its primary key.
  static let policyJoin = """
    join licenses.policies p
      on p.account_id = l.account_id and p.environment = l.environment and p.id = l.policy_id
    """

  /// Reads one of a tenant's licenses with its policy, as it is at a moment.
  func get(_ tenant: Tenant, id: UUID, at now: Timestamp) async throws(Fault) -> License? {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: License.columns), \(unescaped: PolicyStore.columns)
      from licenses.licenses l \(unescaped: Self.policyJoin)
      where l.id = \(id) and l.deleted_at is null
      """
    )
    return try Self.withPolicy(rows, at: now)
  }

  /// Reads the license of a tenant that one of these key hashes leads to.
  func get(
    _ tenant: Tenant,
    keyHashes: [[UInt8]],
    at now: Timestamp
  ) async throws(Fault) -> License? {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: License.columns), \(unescaped: PolicyStore.columns)
      from licenses.license_key_hashes h
      join licenses.licenses l
        on l.account_id = h.account_id and l.environment = h.environment and l.id = h.license_id
      \(unescaped: Self.policyJoin)
      where h.sha256 = any (\(keyHashes)) and l.deleted_at is null
      order by array_position(\(keyHashes), h.sha256) limit 1
      """
    )
    return try Self.withPolicy(rows, at: now)
  }

  private static func withPolicy(_ rows: Rows, at now: Timestamp) throws(Fault) -> License? {
    guard let row = try rows.singleOrNone() else { return nil }
    let policy = try Policy(row, from: License.columnCount)
    var license = try License(row).at(now, strategy: policy.expirationStrategy)
    license.policy = policy
    return license
  }
}
