public import Faults
public import Messages
public import RPC
internal import ServiceKit

extension Licenses {
  /// Lists the tenant's products, newest first.
  public func listProducts(
    _ request: ListProductsRequest,
    _ call: Call
  ) async throws(Fault) -> ListProductsResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let rows = try await products.list(tenant, below: page.below, rows: page.rows)
    let (items, pagination) = page.cut(rows) { $0.id }
    return ListProductsResponse(data: items, pagination: pagination)
  }
}
