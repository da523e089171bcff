public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Webhooks {
  /// Lists the deliveries of one event, also those to webhooks that are deleted by now.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such event, or has it no more.
  public func listEventDeliveries(
    _ request: ListEventDeliveriesRequest,
    _ call: Call
  ) async throws(Fault) -> ListDeliveriesResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let id = try EventID.parse(request.id)
    guard try await events.get(tenant, id: id) != nil else { throw .eventNotFound(request.id) }
    let rows = try await deliveries.list(
      tenant,
      event: id,
      status: request.status,
      below: page.below,
      rows: page.rows
    )
    let (items, pagination) = page.cut(rows) { $0.id }
    return ListDeliveriesResponse(data: items, pagination: pagination)
  }
}
