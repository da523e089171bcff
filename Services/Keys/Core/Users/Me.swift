internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Users {
  /// Shows the user who asks, and what they may do.
  public func getMe(_ request: GetMeRequest, _ call: Call) async throws(Fault) -> Me {
    let caller = try LoggedInUser(call)
    guard let user = try await users.get(caller.id, of: caller.tenant) else { throw .sessionEnded }
    return Me(
      user: user.message,
      accountId: caller.tenant.accountID.description,
      accountName: try await users.accountName(caller.tenant),
      sessionId: caller.sessionID.description,
      testScopes: user.role.scopes(in: .test),
      liveScopes: user.role.scopes(in: .live),
      recoveryCodesLeft: try await secondFactors.codeCount(caller.tenant, of: caller.id)
    )
  }

  /// Changes the name of the user who asks.
  public func updateMe(_ request: UpdateMeRequest, _ call: Call) async throws(Fault) -> User {
    let caller = try LoggedInUser(call)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> User in
      let before = try await self.lockActor(caller, change)
      var after = before
      var patch = Patch(request.presentNames)
      patch.set(&after.name, "name", request.name)
      try patch.check()
      if after != before {
        self.users.update(after, change)
        try change.record("user.update", caller.id, before: before.message, after: after.message)
      }
      return after.message
    }
  }
}
