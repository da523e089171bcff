internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// What an import asks for beyond what issuing licenses does.
extension LicenseStore {
  /// How many licenses one look for holders takes.
  private static let holdersMax = 1_000

  /// Those of some hashes that this transaction itself has claimed.
  @EventLoop
  func claimedHere(_ hashes: [[UInt8]], _ change: Change) async throws(Fault) -> Set<[UInt8]> {
    let rows = try await change.transaction.query(
      """
      select sha256 from licenses.license_key_hashes
      where sha256 = any (\(hashes)) and xmin = pg_current_xact_id()::xid
      """
    )
    var own: Set<[UInt8]> = []
    for row in rows { own.insert(try row.value(0)) }
    return own
  }

  /// Reads the holders of licenses, in the order of ids.
  ///
  /// - Parameters:
  ///   - first: The first license.
  ///   - after: Goes on behind this one; nil begins with the first.
  ///   - change: The change.
  /// - Returns: The holders, and where to go on; nil at the end.
  /// - Throws: Faults of the database.
  @EventLoop
  func holders(
    from first: UUID,
    after: UUID?,
    _ change: Change
  ) async throws(Fault) -> ([(email: String, name: String?)], UUID?) {
    let rows = try await change.transaction.query(
      """
      select id, user_email, user_name from licenses.licenses
      where id >= \(first) and id > \(after ?? UUID(high: 0, low: 0)) and deleted_at is null
      order by id limit \(Self.holdersMax)
      """
    )
    var holders: [(email: String, name: String?)] = []
    var last: UUID?
    for row in rows {
      let (id, email, name) = try row.values(UUID.self, String?.self, String?.self)
      if let email { holders.append((email, name)) }
      last = id
    }
    return (holders, rows.count == Self.holdersMax ? last : nil)
  }
}
