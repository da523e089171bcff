internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// A machine whose license is locked until the transaction ends, so that what is decided about it holds.
struct LockedMachine {
  let id: UUID
  var license: LockedLicense
  /// The machine as it was written; change it, then save it.
  var machine: Machine
}

extension MachineStore {
  /// Reads a machine, and locks its license until the transaction ends.
  ///
  /// The lock travels in front of the reading, as a statement of its own: what is read was committed before it was
  /// given.
  ///
  /// - Parameters:
  ///   - id: The machine.
  ///   - requester: Who asks; a holder's machines are those of its license.
  ///   - change: The change that the lock is for.
  /// - Returns: The machine as it was written.
  /// - Throws: ``Fault`` `notFound` when the requester has no such machine.
  @EventLoop
  func lock(
    _ id: UUID,
    for requester: Requester,
    _ change: Change
  ) async throws(Fault) -> LockedMachine {
    change.transaction.send(
      """
      select from licenses.licenses
      where id = (select license_id from licenses.machines where id = \(id)) for update
      """
    )
    let rows = try await change.transaction.query(
      """
      select l.event_sequence, m.license_id, \(unescaped: License.columns),
        \(unescaped: PolicyStore.columns), \(unescaped: Machine.columns)
      from licenses.machines m \(unescaped: Self.licenseJoin)
      where m.id = \(id) and m.deleted_at is null and l.deleted_at is null
      """
    )
    guard let row = try rows.singleOrNone() else { throw .machineNotFound(id.description) }
    let license: UUID = try row.value(1)
    if let own = requester.license, own != license { throw .machineNotFound(id.description) }
    let policy = try Policy(row, from: 2 + License.columnCount)
    return LockedMachine(
      id: id,
      license: LockedLicense(
        id: license,
        try License(row, from: 2),
        policy,
        eventSequence: try row.value(0)
      ),
      machine: try Machine(
        row,
        from: 2 + License.columnCount + PolicyStore.columnCount,
        on: HeartbeatTerms(policy),
        at: change.now
      )
    )
  }

  /// Writes a locked machine as it has become.
  ///
  /// It travels with the next statement. Its fingerprint and its heartbeats are not touched.
  @EventLoop
  func save(_ locked: LockedMachine, _ change: Change) {
    let machine = locked.machine
    change.transaction.send(
      """
      update licenses.machines set
        name = \(machine.name), platform = \(machine.platform?.wireName),
        hostname = \(machine.hostname), cores = \(machine.cores),
        metadata = \(JSONB(text: machine.metadata)),
        updated_at = \(Timestamp(milliseconds: machine.updatedAt)),
        deleted_at = \(machine.deletedAt.map(Timestamp.init(milliseconds:)))
      where id = \(locked.id)
      """
    )
  }
}
