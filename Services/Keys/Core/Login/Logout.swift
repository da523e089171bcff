internal import Changes
public import Faults
public import Messages
public import RPC

extension Users {
  /// Ends the session that asks.
  public func logout(_ request: LogoutRequest, _ call: Call) async throws(Fault) -> LogoutResponse {
    let user = try LoggedInUser(call)
    let answer = try await changes.make(call, for: user.tenant) {
      (change) async throws(Fault) -> LogoutResponse in
      let session = try await self.sessions.lock(user.sessionID, change)
      try self.end(session.map { [$0] } ?? [], change)
      return LogoutResponse()
    }
    call.takeSession()
    return answer
  }
}
