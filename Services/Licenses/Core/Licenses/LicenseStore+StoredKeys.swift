internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// The sealed keys of licenses, apart from the moment at which they are made.
extension LicenseStore {
  /// How many stored keys one change erases at most.
  ///
  /// It takes about a second, for which nobody can issue a license of the product.
  static let keysErasedMax = 20_000
  private static let keysErasedAtOnce = 1_000

  /// What there is of the key of a license.
  enum StoredKey {
    /// There is no such license.
    case noLicense
    /// It was imported by its hash, or is not stored.
    case notStored
    case sealed([UInt8])
  }

  /// Reads the sealed key of a license, which nobody else changes until the transaction ends.
  @EventLoop
  func storedKey(of id: UUID, _ change: Change) async throws(Fault) -> StoredKey {
    let rows = try await change.transaction.query(
      """
      select sealed_key from licenses.licenses where id = \(id) and deleted_at is null for update
      """
    )
    guard let row = try rows.singleOrNone() else { return .noLicense }
    return (try row.value(0) as [UInt8]?).map(StoredKey.sealed) ?? .notStored
  }

  /// Reads the sealed keys of those of some licenses that are there and stored.
  @EventLoop
  func storedKeys(of ids: [UUID], _ change: Change) async throws(Fault) -> [(UUID, [UInt8])] {
    let rows = try await change.transaction.query(
      """
      select id, sealed_key from licenses.licenses
      where id = any (\(ids)) and deleted_at is null and sealed_key is not null
      """
    )
    var stored: [(UUID, [UInt8])] = []
    for row in rows { stored.append((try row.value(0), try row.value(1))) }
    return stored
  }

  /// Erases the stored keys of a locked product's licenses, the oldest first; whoever issues a license holds the
  /// product, so none is added meanwhile.
  ///
  /// - Returns: Whether there is none any more; false when the change has erased as many as it may.
  @EventLoop
  func eraseKeys(ofProduct product: UUID, _ change: Change) async throws(Fault) -> Bool {
    var last = UUID(high: 0, low: 0)
    for _ in 0..<(Self.keysErasedMax / Self.keysErasedAtOnce) {
      // An array and not a join, so that the plan does not depend on how many licenses the server believes in.
      let rows = try await change.transaction.query(
        """
        update licenses.licenses set sealed_key = null
        where id = any (array(
          select l.id from licenses.licenses l
          where l.product_id = \(product) and l.deleted_at is null and l.id > \(last)
            and l.sealed_key is not null
          order by l.id limit \(Int32(Self.keysErasedAtOnce)) for update))
        returning id
        """
      )
      guard rows.count == Self.keysErasedAtOnce else { return true }
      for row in rows { last = max(last, try row.value(0)) }
    }
    return false
  }
}
