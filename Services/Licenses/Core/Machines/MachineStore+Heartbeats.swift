internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// That a machine is alive, to be written in a batch.
struct Heartbeat: Hashable, Sendable {
  var tenant: Tenant
  var machine: UUID
  /// The only license that the machine may be of; nil for any of the tenant's.
  var license: UUID?
}

extension MachineStore {
  /// Notes heartbeats of a tenant's machines, and commits them; a dead machine that was kept is alive again.
  ///
  /// The rows are locked in the order of ids, so that two batches cannot wait for each other.
  ///
  /// - Returns: The machines as they are afterwards; one is left out when it is not there, or when its license is in no
  ///   state to be used.
  func note(
    _ heartbeats: [Heartbeat],
    for tenant: Tenant,
    at now: Timestamp
  ) async throws(Fault) -> [Heartbeat: Machine] {
    let rows = try await database.query(
      for: tenant,
      """
      with locked as (
        select m.id, \(unescaped: HeartbeatTerms.columns)
        from unnest(\(heartbeats.map(\.machine)), \(heartbeats.map(\.license))) as alive (id, license_id)
        join licenses.machines m
          on m.id = alive.id and m.license_id = coalesce(alive.license_id, m.license_id)
        \(unescaped: Self.licenseJoin)
        where m.deleted_at is null and l.deleted_at is null and (
          (l.status = 'active' and (l.expires_at is null or l.expires_at > \(now)))
          or (l.status in ('active', 'expired') and p.expiration_strategy = 'ALLOW_ACCESS'))
        order by m.id for update of m
      )
      update licenses.machines m
      set last_heartbeat_at = \(now), last_seen_at = \(now), died_at = null
      from locked p where m.id = p.id
      returning \(unescaped: Machine.columns), \(unescaped: HeartbeatTerms.columns)
      """
    )
    var machines: [UUID: Machine] = [:]
    for row in rows {
      let terms = try HeartbeatTerms(row, from: Machine.columnCount)
      machines[try row.value(0)] = try Machine(row, from: 0, on: terms, at: now)
    }
    var answers: [Heartbeat: Machine] = [:]
    for heartbeat in heartbeats {
      guard let machine = machines[heartbeat.machine] else { continue }
      if let license = heartbeat.license, license.description != machine.licenseId { continue }
      answers[heartbeat] = machine
    }
    return answers
  }

  /// Finds out why a heartbeat was not noted.
  ///
  /// - Returns: The state of the machine's license, and whether it may be used after its expiry; nil when there is no
  ///   such machine.
  func standing(
    of heartbeat: Heartbeat,
    at now: Timestamp
  ) async throws(Fault) -> (status: License.Status, keepsAccess: Bool)? {
    let rows = try await database.read(
      for: heartbeat.tenant,
      """
      select l.status, l.expires_at, p.expiration_strategy
      from licenses.machines m \(unescaped: Self.licenseJoin)
      where m.id = \(heartbeat.machine) and m.deleted_at is null and l.deleted_at is null
        and m.license_id = coalesce(\(heartbeat.license), m.license_id)
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    let status: License.Status = try row.named(0)
    let strategy: Policy.ExpirationStrategy = try row.named(2)
    let current = status.at(now, expiresAt: try row.value(1), strategy: strategy)
    return (current, strategy == .allowAccess)
  }
}
