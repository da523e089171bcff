public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Users {
  /// Lists the sessions of the user who asks, newest first.
  public func listSessions(
    _ request: ListSessionsRequest,
    _ call: Call
  ) async throws(Fault) -> ListSessionsResponse {
    let user = try LoggedInUser(call)
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let records = try await sessions.list(
      user.tenant,
      of: user.id,
      at: now(),
      below: page.below,
      rows: page.rows
    )
    let messages = records.map { $0.message(current: user.sessionID) }
    let (items, pagination) = page.cut(messages) { $0.id }
    return ListSessionsResponse(data: items, pagination: pagination)
  }
}
