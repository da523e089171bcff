public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Keys {
  /// Lists the API keys of the caller's environment, newest first, revoked ones included.
  public func listApiKeys(
    _ request: ListApiKeysRequest,
    _ call: Call
  ) async throws(Fault) -> ListApiKeysResponse {
    let tenant = try call.requireTenant()
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let records = try await apiKeys.list(tenant, below: page.below, rows: page.rows)
    let (items, pagination) = page.cut(records.map { $0.message() }) { $0.id }
    return ListApiKeysResponse(data: items, pagination: pagination)
  }
}
