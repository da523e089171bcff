public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Users {
  /// Lists the users of the caller's account, newest first.
  public func listUsers(_ request: ListUsersRequest, _ call: Call) async throws(Fault)
    -> ListUsersResponse
  {
    let caller = try LoggedInUser(call)
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let records = try await users.list(caller.tenant, below: page.below, rows: page.rows)
    let (items, pagination) = page.cut(records.map(\.message)) { $0.id }
    return ListUsersResponse(data: items, pagination: pagination)
  }

  /// Shows one user of the caller's account.
  ///
  /// - Throws: ``Fault`` `notFound` when there is no such user.
  public func getUser(_ request: GetUserRequest, _ call: Call) async throws(Fault) -> User {
    let caller = try LoggedInUser(call)
    let user = try await users.get(try UUID(checked: request.id), of: caller.tenant)
    guard let user else { throw .userNotFound(request.id) }
    return user.message
  }
}
