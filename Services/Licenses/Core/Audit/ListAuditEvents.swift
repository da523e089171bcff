public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Lists the tenant's changes, newest first; those of the keys service are among them.
  public func listAuditEvents(
    _ request: ListAuditEventsRequest,
    _ call: Call
  ) async throws(Fault) -> ListAuditEventsResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let filter = AuditFilter(
      resource: try request.resourceId.map { (id) throws(Fault) in try UUID(checked: id) },
      action: request.action,
      actor: request.actorId
    )
    let rows = try await audit.list(tenant, filter, below: page.below, rows: page.rows)
    let (items, pagination) = page.cut(rows) { $0.id }
    return ListAuditEventsResponse(data: items, pagination: pagination)
  }
}
