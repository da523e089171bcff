internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Users {
  /// Makes a link by which another user of the caller's account sets another password; nobody does so for somebody
  /// above their own role, nor for themselves.
  ///
  /// A second factor stays.
  ///
  /// The answer is the only one that shows the link; an earlier one of the same user works no longer.
  ///
  /// - Throws: ``Fault`` `notFound`; `permissionDenied`; `BUSINESS_RULE_VIOLATION` for the caller's own.
  public func createPasswordReset(
    _ request: CreatePasswordResetRequest,
    _ call: Call
  ) async throws(Fault) -> PasswordReset {
    let caller = try LoggedInUser(call)
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> PasswordReset in
      let user = try await self.lockForHelp(
        by: caller,
        to: id,
        or: "POST /api/dashboard/me/password",
        change
      )
      self.links.deletePasswordResets(of: user.id, change)
      let reset = PasswordResetRecord(
        id: .v7(at: change.now),
        userID: user.id,
        createdBy: caller.id,
        expiresAt: change.now + PasswordResetRecord.lifetime,
        createdAt: change.now
      )
      self.links.insert(reset, change)
      let token = self.tokens.issue(
        .passwordReset,
        for: reset.id,
        until: reset.expiresAt,
        change
      )
      try change.record("passwordReset.create", reset.id, before: nil, after: reset.message())
      return reset.message(showing: self.dashboard.passwordReset(token))
    }
  }

  /// Sets another password for whom a link is; all sessions of the user end.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when the link works no longer; `invalidArgument` for a password that is too
  ///   easy.
  public func acceptPasswordReset(
    _ request: AcceptPasswordResetRequest,
    _ call: Call
  ) async throws(Fault) -> AcceptPasswordResetResponse {
    let address = LoginThrottle.Subject.address(LoginAddress(call))
    try throttle.take(address)
    guard let (tenant, id) = try await tokens.find(request.token, .passwordReset, at: now()),
      let userID = try await links.user(ofPasswordReset: id, tenant)
    else { throw .linkEnded }
    throttle.giveBack(address)
    let hash = try await passwords.hash(request.password)
    let origin = Origin(call, user: userID)
    return try await changes.make(call, for: tenant, by: origin) {
      (change) async throws(Fault) -> AcceptPasswordResetResponse in
      // As everywhere the user first, so that no two wait for each other.
      guard var user = try await self.users.lock(userID, change),
        try await self.links.take(passwordReset: id, change)
      else { throw .linkEnded }
      try PasswordRules.check(request.password, email: user.email, field: "password")
      self.tokens.delete(of: [id], change)
      user.passwordHash = hash
      self.users.update(user, change)
      try await self.endAll(of: userID, change)
      try change.record("user.resetPassword", userID, before: user.message, after: user.message)
      return AcceptPasswordResetResponse()
    }
  }
}
