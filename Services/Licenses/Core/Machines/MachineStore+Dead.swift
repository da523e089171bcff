internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

extension MachineStore {
  /// How many machines of a license one change buries; the others come next.
  static let buriedMax: Int32 = 500

  /// Finds machines, up to a number, that have not been heard of for longer than their policy allows, in all accounts;
  /// each names its license.
  func dead(at now: Timestamp, max: Int32) async throws(Fault) -> [(Tenant, license: UUID)] {
    let rows = try await database.read(
      "select account_id, environment, license_id from licenses.dead_machines(\(now), \(max))"
    )
    return try rows.map { (row) throws(Fault) in
      (Tenant(accountID: try row.value(0), environment: try row.value(1)), try row.value(2))
    }
  }

  /// Removes the dead machines of a license that is locked, or marks them, as the policy says.
  ///
  /// A machine whose heartbeat is committed meanwhile is left alone: the rows are locked, and looked at again.
  ///
  /// - Returns: The machines as they are afterwards.
  @EventLoop
  func bury(_ locked: LockedLicense, _ change: Change) async throws(Fault) -> [Machine] {
    let terms = HeartbeatTerms(locked.policy)
    let isRemoved = locked.policy.heartbeatCullStrategy == .deactivateDead
    let rows = try await change.transaction.query(
      """
      with dead as (
        select id from licenses.machines
        where license_id = \(locked.id) and deleted_at is null and died_at is null
          and last_seen_at < \(change.now - terms.interval)
        order by id limit \(Self.buriedMax) for update
      )
      update licenses.machines m set died_at = \(change.now),
        deleted_at = case when \(isRemoved) then \(change.now) end,
        updated_at = case when \(isRemoved) then \(change.now) else m.updated_at end
      from dead where m.id = dead.id
      returning \(unescaped: Machine.columns)
      """
    )
    return try rows.map { (row) throws(Fault) in
      try Machine(row, from: 0, on: terms, at: change.now)
    }
  }
}
