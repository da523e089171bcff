internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// What the sweeper of expiries reads and writes.
extension LicenseStore {
  /// Finds licenses whose expiry has passed and is not written down, across accounts, those first that wait longest.
  func due(at now: Timestamp, count: Int32) async throws(Fault) -> [Tenant: [UUID]] {
    let rows = try await database.read(
      "select account_id, environment, id from licenses.due_licenses(\(now), \(count))"
    )
    var due: [Tenant: [UUID]] = [:]
    for row in rows {
      let (account, environment, id) = try row.values(UUID.self, Environment.self, UUID.self)
      due[Tenant(accountID: account, environment: environment), default: []].append(id)
    }
    return due
  }

  /// Locks those of a tenant's licenses that are still due and that nobody else has locked.
  @EventLoop
  func lockDue(_ ids: [UUID], _ change: Change) async throws(Fault) -> [LockedLicense] {
    let rows = try await change.transaction.query(
      """
      select l.id, l.event_sequence, \(unescaped: License.columns), \(unescaped: PolicyStore.columns)
      from licenses.licenses l \(unescaped: Self.policyJoin)
      where l.id = any (\(ids)) and l.deleted_at is null
        and l.status = 'active' and l.expires_at <= \(change.now)
      order by l.id for update of l skip locked
      """
    )
    var locked: [LockedLicense] = []
    locked.reserveCapacity(rows.count)
    for row in rows {
      locked.append(
        LockedLicense(
          id: try row.value(0),
          try License(row, from: 2),
          try Policy(row, from: 2 + License.columnCount),
          eventSequence: try row.value(1)
        )
      )
    }
    return locked
  }

  /// Writes expired licenses and their events.
  @EventLoop
  func saveExpired(_ expired: [LockedLicense], _ change: Change) {
    guard !expired.isEmpty else { return }
    let revokedAt = expired.map { $0.license.revokedAt.map(Timestamp.init(milliseconds:)) }
    change.transaction.send(
      """
      update licenses.licenses l set
        status = n.status, revoked_at = n.revoked_at, event_sequence = n.event_sequence,
        updated_at = \(change.now)
      from unnest(\(expired.map(\.id)), \(expired.map(\.license.status.wireName)), \(revokedAt),
        \(expired.map(\.eventSequence))) as n (id, status, revoked_at, event_sequence)
      where l.id = n.id
      """
    )
    change.emit(expired.flatMap(\.events))
    give(
      expired.filter(\.license.isBarred).map { ($0.id, $0.eventSequence, .barred(true)) },
      change
    )
  }
}
