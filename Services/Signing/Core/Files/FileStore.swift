internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// Where license files are recorded.
///
/// All of its SQL is here and in its extension.
struct FileStore: Sendable {
  let database: Database

  /// The columns that ``FileRecord/init(_:)`` reads, of a table called `f`.
  static let columns = """
    f.id, f.serial, f.license_id, f.machine_id, f.fingerprint_sha256, f.key_id, f.issued_at,
    f.expires_at, f.revoked_at
    """

  /// Takes the next serials of a tenant, and locks its keyset until the transaction ends.
  ///
  /// - Returns: The last of them, and the key that signs now; nil when the tenant has no keyset.
  @EventLoop
  func takeSerials(
    _ count: Int,
    _ change: Change
  ) async throws(Fault) -> (last: Int64, key: StoredKey.Sealed)? {
    // The lock comes first, so that the key is what whoever held it has left.
    change.transaction.send("select from signing.keysets for update")
    let rows = try await change.transaction.query(
      """
      with counted as (
        update signing.keysets set last_serial = last_serial + \(Int64(count)) returning last_serial
      )
      select c.last_serial, k.id, k.key_id, k.public_key, k.sealed_seed
      from counted c, signing.keys k
      where k.activates_at <= \(change.now) and (k.retired_at is null or k.retired_at > \(change.now))
        and k.revoked_at is null
      order by k.activates_at desc limit 1
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    let key = StoredKey.Sealed(
      id: try row.value(1),
      keyID: try row.value(2),
      publicKey: try row.value(3),
      seed: try row.value(4)
    )
    return (try row.value(0), key)
  }

  /// Records files; those of licenses that are barred meanwhile are revoked as soon as they are made.
  ///
  /// The keyset is locked, so nobody notes a license's standing at the same time. It travels with the next statement.
  @EventLoop
  func insert(_ files: [FileRecord], _ change: Change) {
    let tenant = change.tenant
    change.transaction.send(
      """
      insert into signing.license_files (account_id, environment, serial, id, license_id, machine_id,
        fingerprint_sha256, key_id, issued_at, expires_at, revoked_at, revoked_with_license)
      select \(tenant.accountID), \(tenant.environment), f.serial, f.id, f.license_id, f.machine_id,
        f.fingerprint_sha256, f.key_id, \(change.now), f.expires_at,
        case when s.is_barred then \(change.now) end, coalesce(s.is_barred, false)
      from unnest(\(files.map(\.serial)), \(files.map(\.id)), \(files.map(\.license)), \(files.map(\.machine)),
        \(files.map(\.fingerprintHash)), \(files.map(\.keyID)), \(files.map(\.expiresAt)))
        as f (serial, id, license_id, machine_id, fingerprint_sha256, key_id, expires_at)
      left join signing.license_standings s on s.account_id = \(tenant.accountID)
        and s.environment = \(tenant.environment) and s.license_id = f.license_id
      """
    )
  }

  /// Forgets those of the oldest files that ended before a moment.
  ///
  /// It looks at the oldest only, by the key that the table has anyway. One among them that lasts longer holds up the next
  /// ones, for as long as files are granted for at most. The keyset is locked, so no row moves. It travels with the next
  /// statement.
  ///
  /// - Parameters:
  ///   - moment: What ended before it is forgotten.
  ///   - max: How many are looked at.
  ///   - change: What it is part of.
  @EventLoop
  func forget(endedBefore moment: Timestamp, max: Int, _ change: Change) {
    change.transaction.send(
      """
      delete from signing.license_files
      where ctid = any (array (select ctid from signing.license_files order by serial limit \(Int64(max))))
        and expires_at < \(moment)
      """
    )
  }

  /// Reads a page of the files of a license, newest first.
  func list(
    _ tenant: Tenant,
    license: UUID,
    below: UUID,
    rows: Int32
  ) async throws(Fault) -> [FileRecord] {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: Self.columns) from signing.license_files f
      where f.license_id = \(license) and f.id < \(below) order by f.id desc limit \(rows)
      """
    )
    return try rows.map { (row) throws(Fault) in try FileRecord(row) }
  }

  /// How many files that each key has signed are neither expired nor revoked, by the key's name.
  func liveCounts(_ tenant: Tenant, at now: Timestamp) async throws(Fault) -> [String: Int64] {
    try Self.counts(try await database.read(for: tenant, Self.counting(at: now)))
  }

  /// The same, as the transaction of a change sees it.
  @EventLoop
  func liveCounts(_ change: Change) async throws(Fault) -> [String: Int64] {
    try Self.counts(try await change.transaction.query(Self.counting(at: change.now)))
  }

  private static func counting(at now: Timestamp) -> Query {
    """
    select key_id, count(*) from signing.license_files
    where revoked_at is null and expires_at > \(now) group by key_id
    """
  }

  private static func counts(_ rows: Rows) throws(Fault) -> [String: Int64] {
    var counts: [String: Int64] = [:]
    for row in rows {
      let (keyID, count) = try row.values(String.self, Int64.self)
      counts[keyID] = count
    }
    return counts
  }
}

extension FileRecord {
  /// Reads a row of ``FileStore/columns``.
  init(_ row: Row) throws(Fault) {
    self.init(
      id: try row.value(0),
      serial: try row.value(1),
      license: try row.value(2),
      machine: try row.value(3),
      fingerprintHash: try row.value(4),
      keyID: try row.value(5),
      issuedAt: try row.value(6),
      expiresAt: try row.value(7),
      revokedAt: try row.value(8)
    )
  }
}
