internal import Changes
public import Faults
public import Messages
internal import Postgres
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Says that a machine is alive.
  ///
  /// Heartbeats of one moment are written together, and committed before they are answered. They leave no line in the
  /// audit log.
  ///
  /// - Throws: ``Fault`` `notFound` when the caller has no such machine; `LICENSE_SUSPENDED` and the like when its
  ///   license is in no state to be used.
  public func heartbeatMachine(_ request: MachineRequest, _ call: Call) async throws(Fault)
    -> Machine
  {
    let requester = try await requester(call)
    try requester.requireUsable(at: now())
    let heartbeat = Heartbeat(
      tenant: requester.tenant,
      machine: try UUID(checked: request.id),
      license: requester.license
    )
    guard call.caller?.idempotencyKey != nil else { return try await hear(heartbeat) }
    // Written with the others of its moment all the same; should that be repeated, the machine is alive twice.
    return try await changes.make(
      call,
      for: requester.tenant,
      by: requester.origin(call)
    ) { (_) async throws(Fault) in try await hear(heartbeat) }
  }

  private func hear(_ heartbeat: Heartbeat) async throws(Fault) -> Machine {
    if let machine = try await heartbeats.load(heartbeat)?.get() { return machine }
    guard let license = try await machines.standing(of: heartbeat, at: now()) else {
      throw .machineNotFound(heartbeat.machine.description)
    }
    try license.status.requireUsable(keepsAccess: license.keepsAccess)
    throw Fault(
      .aborted,
      "The license has just changed; send the heartbeat again",
      reason: .conflict
    )
  }
}
