internal import Changes
internal import EventLoop
public import Faults
internal import Messages
internal import Primitives
internal import ServiceKit

extension Licenses {
  /// How often to look for dead machines.
  public nonisolated static let sweepInterval = Duration.seconds(5)
  /// How many machines one look finds.
  private static let foundMax: Int32 = 1_000
  private static let deathReason = "not heard of for longer than the policy allows"

  /// Removes or marks the machines that have not been heard of for too long, in all accounts.
  ///
  /// Any number of processes may do so at once: each license is locked, or left to whoever has locked it, and looked at
  /// again under the lock.
  ///
  /// - Throws: ``Fault`` of the database; the first, where several licenses could not be dealt with.
  public func buryDeadMachines() async throws(Fault) {
    while true {
      let found = try await machines.dead(at: now(), max: Self.foundMax)
      var seen: Set<UUID> = []
      var first: Fault?
      var buried = 0
      for (tenant, license) in found where seen.insert(license).inserted {
        do throws(Fault) {
          buried += try await buryDead(of: license, tenant)
        } catch {
          // One that cannot be dealt with does not keep the others waiting.
          first = first ?? error
        }
      }
      if let first { throw first }
      // What others have dealt with meanwhile is not found again; nor is it looked for without end.
      if found.count < Int(Self.foundMax) || buried == 0 { return }
    }
  }

  /// Deals with the dead machines of one license, and says how many there were.
  private func buryDead(of license: UUID, _ tenant: Tenant) async throws(Fault) -> Int {
    try await changes.makeUnasked(for: tenant) { (change) async throws(Fault) in
      guard var locked = try await licenses.lock(license, change, waits: false),
        HeartbeatTerms(locked.policy).isLease
      else { return 0 }
      let count = try await buryDead(of: &locked, change)
      if count > 0 { try licenses.save(locked, change) }
      return count
    }
  }

  /// Removes or marks the dead machines of a license that is locked, as its policy says; the license is saved by
  /// whoever locked it.
  ///
  /// - Returns: How many there were.
  @discardableResult
  func buryDead(of locked: inout LockedLicense, _ change: Change) async throws(Fault) -> Int {
    let buried = try await machines.bury(locked, change)
    for machine in buried {
      let id = try UUID(checked: machine.id)
      locked.emit(.machineDead, machine, at: change.now)
      guard machine.deletedAt != nil else {
        try change.record(
          "machine.die",
          id,
          before: machine,
          after: machine,
          reason: Self.deathReason
        )
        continue
      }
      locked.license.machineCount -= 1
      locked.emit(.machineDeactivated, machine, at: change.now)
      var before = machine
      before.deletedAt = nil
      try change.record(
        "machine.deactivate",
        id,
        before: before,
        after: nil,
        reason: Self.deathReason
      )
    }
    return buried.count
  }
}
