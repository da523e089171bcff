internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Deactivates a machine, which frees its seat and revokes its license files; in every state of the license.
  ///
  /// - Throws: ``Fault`` `notFound` when the caller has no such machine.
  public func deactivateMachine(_ request: MachineRequest, _ call: Call) async throws(Fault)
    -> Nothing
  {
    let requester = try await requester(call)
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: requester.tenant, by: requester.origin(call)) {
      (change) async throws(Fault) in
      var locked = try await machines.lock(id, for: requester, change)
      try deactivate(&locked, change)
      let hash = SHA256.hash(locked.machine.fingerprint)
      licenses.give(.deactivated(hash), of: locked.license, change)
      return Nothing()
    }
  }

  /// Takes the seat of a machine that is locked.
  func deactivate(_ locked: inout LockedMachine, _ change: Change) throws(Fault) {
    let before = locked.machine
    locked.machine.deletedAt = change.now.milliseconds
    locked.machine.updatedAt = change.now.milliseconds
    locked.license.license.machineCount -= 1
    locked.license.emit(.machineDeactivated, locked.machine, at: change.now)
    try change.record("machine.deactivate", locked.id, before: before, after: nil)
    machines.save(locked, change)
    try licenses.save(locked.license, change)
  }
}
