internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

extension LicenseStore {
  /// Reads a license with its policy, and locks it until the transaction ends.
  ///
  /// - Parameters:
  ///   - id: The license.
  ///   - change: The transaction.
  ///   - waits: Whether to wait where somebody else has locked it.
  /// - Returns: Nil when the tenant has no such license, or somebody else has locked it and `waits` is false.
  /// - Throws: Faults of the database.
  func lock(
    _ id: UUID,
    _ change: Change,
    waits: Bool = true
  ) async throws(Fault) -> LockedLicense? {
    let rows = try await change.transaction.query(
      """
      select l.event_sequence, \(unescaped: License.columns), \(unescaped: PolicyStore.columns)
      from licenses.licenses l \(unescaped: Self.policyJoin)
      where l.id = \(id) and l.deleted_at is null
      for update of l \(unescaped: waits ? "" : "skip locked")
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    let policy = try Policy(row, from: 1 + License.columnCount)
    return LockedLicense(
      id: id,
      try License(row, from: 1),
      policy,
      eventSequence: try row.value(0)
    )
  }

  /// Writes a locked license as it has become, the events of its change, and whether its files still count.
  ///
  /// They travel with the next statement.
  ///
  /// Its key, product, entitlements and counts of uses are not touched: each has a statement of its own.
  @EventLoop
  func save(_ locked: LockedLicense, _ change: Change) throws(Fault) {
    let license = locked.license
    let policy = try UUID(checked: license.policyId)
    change.transaction.send(
      """
      update licenses.licenses set
        policy_id = \(policy), name = \(license.name), status = \(license.status.wireName),
        expires_at = \(license.expiresAt.map(Timestamp.init(milliseconds:))),
        max_machines_override = \(license.maxMachinesOverride),
        max_uses_override = \(license.maxUsesOverride), machine_count = \(license.machineCount),
        user_email = \(license.userEmail), user_name = \(license.userName),
        suspended_at = \(license.suspendedAt.map(Timestamp.init(milliseconds:))),
        revoked_at = \(license.revokedAt.map(Timestamp.init(milliseconds:))),
        banned_at = \(license.bannedAt.map(Timestamp.init(milliseconds:))),
        metadata = \(JSONB(text: license.metadata)), event_sequence = \(locked.eventSequence),
        updated_at = \(Timestamp(milliseconds: license.updatedAt)),
        deleted_at = \(license.deletedAt.map(Timestamp.init(milliseconds:)))
      where id = \(locked.id)
      """
    )
    change.emit(locked.events)
    if license.isBarred != locked.wasBarred { give(.barred(license.isBarred), of: locked, change) }
  }
}
