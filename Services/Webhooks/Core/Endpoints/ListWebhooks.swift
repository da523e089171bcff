public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Webhooks {
  /// Lists the tenant's webhooks, newest first.
  public func listWebhooks(
    _ request: ListWebhooksRequest,
    _ call: Call
  ) async throws(Fault) -> ListWebhooksResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let rows = try await endpoints.list(tenant, below: page.below, rows: page.rows)
    let now = now()
    let (items, pagination) = page.cut(rows.map { $0.message(at: now) }) { $0.id }
    return ListWebhooksResponse(data: items, pagination: pagination)
  }
}
