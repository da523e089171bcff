internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Users {
  /// Changes the password of the user who asks.
  ///
  /// All other sessions end, and this one gets another token.
  ///
  /// - Throws: ``Fault`` `invalidArgument` for a wrong password, or a new one that is too easy; `RATE_LIMITED`.
  public func changePassword(
    _ request: ChangePasswordRequest,
    _ call: Call
  ) async throws(Fault) -> ChangePasswordResponse {
    let caller = try LoggedInUser(call)
    let user = try await verifyOwnPassword(
      request.currentPassword,
      of: caller,
      field: "currentPassword",
      call
    )
    try PasswordRules.check(request.newPassword, email: user.email, field: "newPassword")
    let hash = try await passwords.hash(request.newPassword)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> ChangePasswordResponse in
      var user = try await self.lockActor(caller, change)
      user.passwordHash = hash
      self.users.update(user, change)
      self.links.deletePasswordResets(of: caller.id, change)
      try await self.endAll(of: caller.id, except: caller.sessionID, change)
      try await self.exchangeToken(caller, call, change)
      try change.record(
        "user.changePassword",
        caller.id,
        before: user.message,
        after: user.message
      )
      return ChangePasswordResponse()
    }
  }

  /// Makes sure that whoever has a session has the password too; attempts are counted by user, wherever they come from.
  ///
  /// - Parameters:
  ///   - password: What was typed.
  ///   - caller: Whose it must be.
  ///   - field: Where the request has it.
  ///   - call: The call.
  /// - Returns: The user.
  /// - Throws: ``Fault`` `invalidArgument` when it is not; `RATE_LIMITED` after too many attempts.
  @discardableResult
  func verifyOwnPassword(
    _ password: String,
    of caller: LoggedInUser,
    field: String,
    _ call: Call
  ) async throws(Fault) -> UserRecord {
    guard let user = try await users.get(caller.id, of: caller.tenant) else { throw .sessionEnded }
    let attempt = LoginThrottle.Subject.ownPassword(user.id)
    try throttle.take(attempt)
    guard try await passwords.verify(password, against: user.passwordHash) else {
      throw .invalid([Fault.Issue(path: [field], message: "Is not your password", code: "custom")])
    }
    throttle.giveBack(attempt)
    return user
  }
}
