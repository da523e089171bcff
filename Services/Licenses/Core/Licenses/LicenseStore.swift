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
      limit 1
      """
    )
    return try Self.withPolicy(rows, at: now)
  }

  /// Reads what a validation needs of each license that a hash leads to, across accounts; a hash that no
  /// license has is left out.
  func facts(_ hashes: [Digest]) async throws(Fault) -> [Digest: LicenseFacts] {
    let rows = try await database.read(
      """
      select sha256, account_id, environment, id, status, name, expires_at, expiration_strategy,
        max_machines_override, max_uses_override, uses_count
      from licenses.find_by_key_hash(\(hashes))
      """
    )
    var facts: [Digest: LicenseFacts] = [:]
    facts.reserveCapacity(rows.count)
    for row in rows {
      facts[try row.value(0)] = LicenseFacts(
        tenant: Tenant(accountID: try row.value(1), environment: try row.value(2)),
        id: try row.value(3),
        status: try row.named(4),
        name: try row.value(5),
        expiresAt: try row.value(6),
        expirationStrategy: try row.named(7),
        maxMachinesOverride: try row.value(8),
        maxUsesOverride: try row.value(9),
        usesCount: try row.value(10)
      )
    }
    return facts
  }

  private static func withPolicy(_ rows: Rows, at now: Timestamp) throws(Fault) -> License? {
    guard let row = try rows.singleOrNone() else { return nil }
    let policy = try Policy(row, from: License.columnCount)
    var license = try License(row).at(now, strategy: policy.expirationStrategy)
    license.policy = policy
    return license
  }
}
