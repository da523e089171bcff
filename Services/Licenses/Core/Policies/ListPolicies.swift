public import Faults
public import Messages
public import RPC
internal import ServiceKit

extension Licenses {
  /// Lists the tenant's policies, newest first.
  public func listPolicies(
    _ request: ListPoliciesRequest,
    _ call: Call
  ) async throws(Fault) -> ListPoliciesResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let rows = try await policies.list(tenant, below: page.below, rows: page.rows)
    let (items, pagination) = page.cut(rows) { $0.id }
    return ListPoliciesResponse(data: items, pagination: pagination)
  }
}
