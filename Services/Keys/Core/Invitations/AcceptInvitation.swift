internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Users {
  /// Makes a user of whoever holds the link of an invitation, and logs them in.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when the link works no longer; `invalidArgument` for a password that is too
  ///   easy; `CONFLICT` when somebody in the deployment has the address already.
  public func acceptInvitation(
    _ request: AcceptInvitationRequest,
    _ call: Call
  ) async throws(Fault) -> User {
    let address = LoginAddress(call)
    try throttle.take(.address(address))
    guard let (tenant, id) = try await tokens.find(request.token, .invitation, at: now()) else {
      throw .linkEnded
    }
    throttle.giveBack(.address(address))
    let hash = try await passwords.hash(request.password)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) -> User in
      guard let invitation = try await self.links.take(invitation: id, change),
        invitation.expiresAt > change.now
      else { throw .linkEnded }
      try PasswordRules.check(request.password, email: invitation.email, field: "password")
      self.tokens.delete(of: [id], change)
      var user = UserRecord(
        id: .v7(at: change.now),
        email: invitation.email,
        name: request.name,
        role: invitation.role,
        passwordHash: hash,
        loginAddresses: [],
        createdAt: change.now,
        hasSecondFactor: false
      )
      try await self.users.insert(user, change)
      try change.record(
        "user.create",
        user.id,
        before: nil,
        after: user.message,
        by: Origin(call, user: user.id)
      )
      try await self.beginSession(of: &user, from: address, call, change)
      return user.message
    }
  }
}

extension Fault {
  /// The token of a link is nobody's; whether it ever was is not told.
  static let linkEnded = Fault(
    .unauthenticated,
    "This link works no longer; ask for a new one",
    reason: .unauthorized
  )
}
