public import Faults
public import Messages
public import RPC
internal import ServiceKit

extension Licenses {
  /// Lists the tenant's entitlements, newest first.
  public func listEntitlements(
    _ request: ListEntitlementsRequest,
    _ call: Call
  ) async throws(Fault) -> ListEntitlementsResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let rows = try await entitlements.list(tenant, below: page.below, rows: page.rows)
    let (items, pagination) = page.cut(rows) { $0.id }
    return ListEntitlementsResponse(data: items, pagination: pagination)
  }
}
