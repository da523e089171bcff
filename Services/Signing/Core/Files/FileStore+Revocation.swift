internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// Which license files count no more; all of this under the lock of the keyset.
extension FileStore {
  /// Which files of a license are to be revoked.
  enum Selection {
    case all
    /// With this number.
    case serial(Int64)
    /// For this machine, by SHA-256 of its fingerprint, that were made until a moment.
    case machine([UInt8], until: Timestamp)
  }

  /// Revokes the files of a license that are neither expired nor revoked.
  ///
  /// - Returns: Them, newest first.
  @EventLoop
  func revoke(
    _ selection: Selection,
    of license: UUID,
    _ change: Change
  ) async throws(Fault) -> [FileRecord] {
    let condition: Query =
      switch selection {
      case .all: ""
      case .serial(let serial): "and serial = \(serial)"
      case .machine(let hash, let moment):
        "and fingerprint_sha256 = \(hash) and issued_at <= \(moment)"
      }
    return try Self.records(
      try await change.transaction.query(
        """
        with revoked as (
          update signing.license_files set revoked_at = \(change.now), revoked_with_license = false
          where license_id = \(license) and revoked_at is null and expires_at > \(change.now)
            \(condition)
          returning *
        )
        select \(unescaped: Self.columns) from revoked f order by f.id desc
        """
      )
    )
  }

  /// Notes whether the files of licenses count, unless a later word is known already.
  ///
  /// - Returns: The licenses of which it was not known, and whether their files count no more.
  @EventLoop
  func note(
    _ standings: [LicenseStanding],
    _ change: Change
  ) async throws(Fault) -> [UUID: Bool] {
    let tenant = change.tenant
    let rows = try await change.transaction.query(
      """
      insert into signing.license_standings as s (
        account_id, environment, license_id, sequence, is_barred, noted_at)
      select \(tenant.accountID), \(tenant.environment), n.license_id, n.sequence, n.is_barred, \(change.now)
      from unnest(\(standings.map(\.license)), \(standings.map(\.sequence)), \(standings.map(\.isBarred)))
        as n (license_id, sequence, is_barred)
      order by n.license_id
      on conflict (account_id, environment, license_id) do update
        set sequence = excluded.sequence, is_barred = excluded.is_barred, noted_at = excluded.noted_at
        where s.sequence < excluded.sequence
      returning s.license_id, s.is_barred
      """
    )
    var noted: [UUID: Bool] = [:]
    for row in rows {
      let (license, isBarred) = try row.values(UUID.self, Bool.self)
      noted[license] = isBarred
    }
    return noted
  }

  /// Revokes all files of licenses, until the licenses are in good standing again.
  @EventLoop
  func bar(_ licenses: [UUID], _ change: Change) async throws(Fault) -> [FileRecord] {
    try Self.records(
      try await change.transaction.query(
        """
        with revoked as (
          update signing.license_files set revoked_at = \(change.now), revoked_with_license = true
          where license_id = any (\(licenses)) and revoked_at is null and expires_at > \(change.now)
          returning *
        )
        select \(unescaped: Self.columns) from revoked f order by f.id desc
        """
      )
    )
  }

  /// Has the files of licenses count again that were revoked because the licenses were barred.
  ///
  /// - Returns: The files, still with the time of their revocation.
  @EventLoop
  func unbar(_ licenses: [UUID], _ change: Change) async throws(Fault) -> [FileRecord] {
    let files = try Self.records(
      try await change.transaction.query(
        """
        select \(unescaped: Self.columns) from signing.license_files f
        where f.license_id = any (\(licenses)) and f.revoked_with_license and f.expires_at > \(change.now)
        order by f.id desc
        """
      )
    )
    change.transaction.send(
      """
      update signing.license_files set revoked_at = null, revoked_with_license = false
      where license_id = any (\(licenses)) and revoked_with_license
      """
    )
    return files
  }

  /// The serials of revoked files that are not expired, as many of the newest as fit on a list.
  func revokedSerials(
    _ tenant: Tenant,
    at now: Timestamp,
    max: Int
  ) async throws(Fault) -> RevokedSerials {
    let rows = try await database.read(for: tenant, Self.revoked(at: now, max: max))
    return RevokedSerials(try Self.serials(rows), max: max)
  }

  /// The same, as the transaction of a change sees it.
  @EventLoop
  func revokedSerials(_ change: Change, max: Int) async throws(Fault) -> RevokedSerials {
    let rows = try await change.transaction.query(Self.revoked(at: change.now, max: max))
    return RevokedSerials(try Self.serials(rows), max: max)
  }

  /// One more than fits tells that there are more.
  private static func revoked(at now: Timestamp, max: Int) -> Query {
    """
    select serial from signing.license_files
    where revoked_at is not null and expires_at > \(now)
    order by serial desc limit \(Int64(max) + 1)
    """
  }

  private static func serials(_ rows: Rows) throws(Fault) -> [Int64] {
    try rows.map { (row) throws(Fault) in try row.value(0) as Int64 }
  }

  private static func records(_ rows: Rows) throws(Fault) -> [FileRecord] {
    try rows.map { (row) throws(Fault) in try FileRecord(row) }
  }
}

/// What a list of revoked files is to say.
struct RevokedSerials: Equatable, Sendable {
  /// The revoked files from ``first`` on, rising.
  var serials: [Int64]
  /// Where the list begins: a file with a lower number is refused without being on it, since not all of those that are
  /// revoked would fit.
  var first: Int64

  /// - Parameters:
  ///   - newest: The numbers of revoked files, falling; one more than `max` when there are more.
  ///   - max: How many fit.
  init(_ newest: [Int64], max: Int) {
    serials = newest.prefix(max).reversed()
    first = newest.count > max ? newest[max] + 1 : 1
  }
}

/// Whether the files of a license count, as of one of its events.
struct LicenseStanding: Sendable {
  var license: UUID
  /// The number of the event.
  var sequence: Int64
  var isBarred: Bool
}
