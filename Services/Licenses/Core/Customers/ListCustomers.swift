public import Faults
public import Messages
public import RPC
internal import ServiceKit

extension Licenses {
  /// Lists the tenant's customers, or the one with an address, newest first.
  public func listCustomers(
    _ request: ListCustomersRequest,
    _ call: Call
  ) async throws(Fault) -> ListCustomersResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let rows = try await customers.list(
      tenant,
      email: request.email,
      below: page.below,
      rows: page.rows
    )
    let (items, pagination) = page.cut(rows) { $0.id }
    return ListCustomersResponse(data: items, pagination: pagination)
  }
}
