internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Users {
  /// Ends one of the sessions of the user who asks.
  ///
  /// - Throws: ``Fault`` `notFound` when the user has no such session.
  public func revokeSession(
    _ request: RevokeSessionRequest,
    _ call: Call
  ) async throws(Fault) -> RevokeSessionResponse {
    let user = try LoggedInUser(call)
    let id = try UUID(checked: request.id)
    let answer = try await changes.make(call, for: user.tenant) {
      (change) async throws(Fault) -> RevokeSessionResponse in
      guard let session = try await self.sessions.lock(id, change), session.userID == user.id else {
        throw .notFound("Session not found: \(request.id)")
      }
      try self.end([session], change)
      return RevokeSessionResponse()
    }
    if id == user.sessionID { call.takeSession() }
    return answer
  }
}
