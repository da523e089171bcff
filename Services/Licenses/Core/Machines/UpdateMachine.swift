internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Changes what is said of a machine.
  ///
  /// - Throws: ``Fault`` `notFound` when the caller has no such machine; `LICENSE_SUSPENDED` and the like when it is
  ///   asked for with the key of a license that is in no state to be used.
  public func updateMachine(_ request: UpdateMachineRequest, _ call: Call) async throws(Fault)
    -> Machine
  {
    let requester = try await requester(call)
    try requester.requireUsable(at: now())
    let id = try UUID(checked: request.id)
    return try await storingMetadata { () async throws(Fault) in
      try await changes.make(call, for: requester.tenant, by: requester.origin(call)) {
        (change) async throws(Fault) in
        var locked = try await machines.lock(id, for: requester, change)
        let before = locked.machine
        try locked.machine.apply(request)
        locked.machine.updatedAt = change.now.milliseconds
        try change.record("machine.update", id, before: before, after: locked.machine)
        machines.save(locked, change)
        return locked.machine
      }
    }
  }
}

extension Machine {
  /// Takes over what a request gives: null clears, absent keeps.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when metadata is null.
  fileprivate mutating func apply(_ request: UpdateMachineRequest) throws(Fault) {
    var patch = Patch(request.presentNames)
    patch.setOrClear(&name, "name", request.name)
    patch.setOrClear(&platform, "platform", request.platform)
    patch.setOrClear(&hostname, "hostname", request.hostname)
    patch.setOrClear(&cores, "cores", request.cores)
    patch.set(&metadata, "metadata", request.metadata)
    try patch.check()
  }
}
