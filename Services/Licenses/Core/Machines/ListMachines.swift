public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Lists the tenant's machines, newest first.
  public func listMachines(
    _ request: ListMachinesRequest,
    _ call: Call
  ) async throws(Fault) -> ListMachinesResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    var filter = MachineStore.Filter(fingerprint: request.fingerprint)
    if let license = request.licenseId { filter.license = try UUID(checked: license) }
    let rows = try await machines.list(tenant, filter, page, at: now())
    let (items, pagination) = page.cut(rows) { $0.id }
    return ListMachinesResponse(data: items, pagination: pagination)
  }
}
