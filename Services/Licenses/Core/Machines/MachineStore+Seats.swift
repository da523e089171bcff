internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

extension MachineStore {
  /// Locks a license until the transaction ends, and reads what decides over a seat of it.
  ///
  /// The lock travels in front of the reading, as a statement of its own: so what is read was committed before the
  /// lock was given. Where the seat is to be taken, the fingerprint is locked as well, since two licenses may be asked
  /// for it at once; whoever takes both takes the license first.
  ///
  /// - Parameters:
  ///   - license: Whose seat.
  ///   - fingerprint: Whom it is for; nil where no machine asks.
  ///   - isTaken: Whether the seat may be taken.
  ///   - change: The change that the lock is for.
  /// - Returns: Nil when the tenant has no such license.
  /// - Throws: ``Fault`` of the database.
  @EventLoop
  func lockSeats(
    of license: UUID,
    for fingerprint: String?,
    toTake isTaken: Bool,
    _ change: Change
  ) async throws(Fault) -> LockedSeats? {
    let transaction = change.transaction
    transaction.send("select from licenses.licenses where id = \(license) for update")
    if isTaken, let fingerprint {
      let tenant = change.tenant
      let place = "\(tenant.accountID) \(tenant.environment.rawValue) \(fingerprint)"
      transaction.send("select pg_advisory_xact_lock(hashtextextended(\(place), 0))")
    }
    let rows = try await transaction.query(
      """
      select l.event_sequence, l.activated_at is not null, m.id is not null, m.last_seen_at,
        exists (
          select from licenses.machines o
          where o.fingerprint = \(fingerprint) and o.deleted_at is null and o.license_id <> l.id and (
            p.fingerprint_uniqueness = 'PER_ACCOUNT' or o.unique_within = o.account_id
            or (o.policy_id = l.policy_id and (
              p.fingerprint_uniqueness = 'PER_POLICY' or o.unique_within <> o.license_id)))),
        exists (
          select from licenses.license_fingerprints f
          where f.license_id = l.id and f.sha256 = \(fingerprint.map { SHA256.hash($0) })),
        case when p.max_unique_fingerprints is null then 0 else (
          select count(*) from licenses.license_fingerprints f where f.license_id = l.id) end,
        \(unescaped: License.columns), \(unescaped: PolicyStore.columns), \(unescaped: Machine.columns)
      from licenses.licenses l \(unescaped: LicenseStore.policyJoin)
      left join licenses.machines m
        on m.account_id = l.account_id and m.environment = l.environment and m.license_id = l.id
          and m.fingerprint = \(fingerprint) and m.deleted_at is null
      where l.id = \(license) and l.deleted_at is null
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    let policy = try Policy(row, from: 7 + License.columnCount)
    var machine: Machine?
    if try row.value(2) {
      let first = 7 + License.columnCount + PolicyStore.columnCount
      machine = try Machine(row, from: first, on: HeartbeatTerms(policy), at: change.now)
    }
    return LockedSeats(
      license: LockedLicense(
        id: license,
        try License(row, from: 7),
        policy,
        eventSequence: try row.value(0)
      ),
      machine: machine,
      lastSeen: try row.value(3),
      isActivated: try row.value(1),
      isTakenElsewhere: try row.value(4),
      isKnownFingerprint: try row.value(5),
      fingerprintCount: try row.value(6)
    )
  }

  /// Adds a machine, and its fingerprint to those that its license has had.
  ///
  /// It travels with the next statement.
  @EventLoop
  func insert(
    _ machine: Machine,
    id: UUID,
    _ seats: LockedSeats,
    _ change: Change
  ) throws(Fault) {
    let tenant = change.tenant
    let license = seats.license.id
    let lastHeartbeat = machine.lastHeartbeatAt.map(Timestamp.init(milliseconds:))
    change.transaction.send(
      """
      with known as (
        insert into licenses.license_fingerprints (account_id, environment, license_id, sha256)
        values (\(tenant.accountID), \(tenant.environment), \(license),
          \(SHA256.hash(machine.fingerprint)))
        on conflict do nothing
      )
      insert into licenses.machines (
        account_id, environment, id, license_id, policy_id, fingerprint, unique_within, name, platform,
        hostname, ip_address, cores, metadata, last_heartbeat_at, last_seen_at, created_at, updated_at)
      values (
        \(tenant.accountID), \(tenant.environment), \(id), \(license),
        \(try UUID(checked: seats.license.policy.id)), \(machine.fingerprint),
        \(try seats.uniqueWithin(tenant)), \(machine.name), \(machine.platform?.wireName),
        \(machine.hostname), \(machine.ipAddress), \(machine.cores), \(JSONB(text: machine.metadata)),
        \(lastHeartbeat), \(change.now), \(change.now), \(change.now))
      """
    )
  }

  /// Renews the lease of a machine.
  ///
  /// It travels with the next statement.
  ///
  /// - Parameters:
  ///   - id: The machine.
  ///   - isHeartbeat: Whether it counts as a heartbeat.
  ///   - change: The change that it is part of.
  @EventLoop
  func renew(_ id: UUID, asHeartbeat isHeartbeat: Bool, _ change: Change) {
    change.transaction.send(
      """
      update licenses.machines set last_seen_at = \(change.now), died_at = null,
        last_heartbeat_at = case when \(isHeartbeat) then \(change.now) else last_heartbeat_at end
      where id = \(id)
      """
    )
  }
}
