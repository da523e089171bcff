public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Lists the tenant's policies, or those of one product, newest first.
  public func listPolicies(
    _ request: ListPoliciesRequest,
    _ call: Call
  ) async throws(Fault) -> ListPoliciesResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let product = try request.productId.map { (id) throws(Fault) in try UUID(checked: id) }
    let rows = try await policies.list(
      tenant,
      product: product,
      below: page.below,
      rows: page.rows
    )
    let (items, pagination) = page.cut(rows) { $0.id }
    return ListPoliciesResponse(data: items, pagination: pagination)
  }
}
