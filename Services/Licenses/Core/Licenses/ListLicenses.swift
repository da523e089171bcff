public import Faults
public import Messages
public import RPC
internal import ServiceKit

extension Licenses {
  /// Lists the tenant's licenses that match all filters, newest first.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when `metadataKey` or `metadataValue` is given alone.
  public func listLicenses(
    _ request: ListLicensesRequest,
    _ call: Call
  ) async throws(Fault) -> ListLicensesResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let filter = try LicenseFilter(request)
    let rows = try await licenses.list(
      tenant,
      filter,
      below: page.below,
      rows: page.rows,
      at: now()
    )
    let (items, pagination) = page.cut(rows) { $0.id }
    return ListLicensesResponse(data: items, pagination: pagination)
  }
}
