public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Shows one machine.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such machine.
  public func getMachine(_ request: GetMachineRequest, _ call: Call) async throws(Fault) -> Machine
  {
    let tenant = try call.requireTenant()
    let machine = try await machines.get(tenant, id: try UUID(checked: request.id), at: now())
    guard let machine else { throw .machineNotFound(request.id) }
    return machine
  }
}

extension Fault {
  /// The caller has no such machine; another's is not there either.
  static func machineNotFound(_ id: String) -> Fault { .notFound("Machine not found: \(id)") }
}
