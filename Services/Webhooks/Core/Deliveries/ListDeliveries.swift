public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Webhooks {
  /// Lists the deliveries to a webhook, those of the newest events first.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook.
  public func listDeliveries(
    _ request: ListDeliveriesRequest,
    _ call: Call
  ) async throws(Fault) -> ListDeliveriesResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let endpoint = try await requireEndpoint(request.id, of: tenant)
    let rows = try await deliveries.list(
      tenant,
      endpoint: endpoint.id,
      status: request.status,
      type: request.eventType,
      below: page.below,
      rows: page.rows
    )
    let (items, pagination) = page.cut(rows) { $0.id }
    return ListDeliveriesResponse(data: items, pagination: pagination)
  }
}
