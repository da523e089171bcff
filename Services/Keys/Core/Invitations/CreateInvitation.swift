internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Users {
  /// Invites somebody to the caller's account, at most as what the caller is.
  ///
  /// The answer is the only one that shows the link.
  ///
  /// - Throws: ``Fault`` `permissionDenied` for a role above the caller's; `CONFLICT` when the account has a user with
  ///   that address.
  public func createInvitation(
    _ request: CreateInvitationRequest,
    _ call: Call
  ) async throws(Fault) -> Invitation {
    let caller = try LoggedInUser(call)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> Invitation in
      let actor = try await self.lockActor(caller, change)
      try actor.role.require(over: request.role)
      return try await self.invite(
        EmailAddress(request.email),
        as: request.role,
        by: caller.id,
        change
      )
    }
  }

  /// Invites somebody to any account as anything, on the operator's word.
  ///
  /// - Throws: ``Fault`` `notFound` when there is no such account; `CONFLICT` when it has a user with that address.
  public func issueInvitation(
    _ request: IssueInvitationRequest,
    _ call: Call
  ) async throws(Fault) -> Invitation {
    let tenant = Tenant(ofUsersOf: try UUID(checked: request.accountId))
    return try await changes.make(call, for: tenant) {
      (change) async throws(Fault) -> Invitation in
      guard try await self.users.hasAccount(change) else {
        throw .notFound("Account not found: \(request.accountId)")
      }
      return try await self.invite(EmailAddress(request.email), as: request.role, by: nil, change)
    }
  }

  private func invite(
    _ email: EmailAddress,
    as role: Role,
    by inviter: UUID?,
    _ change: Change
  ) async throws(Fault) -> Invitation {
    // Users of other accounts are not told of: whoever accepts the invitation will be.
    guard try await !users.hasUser(email, change) else { throw .userExists }
    let invitation = InvitationRecord(
      id: .v7(at: change.now),
      email: email,
      role: role,
      invitedBy: inviter,
      expiresAt: change.now + InvitationRecord.lifetime,
      createdAt: change.now
    )
    links.insert(invitation, change)
    let token = tokens.issue(
      .invitation,
      for: invitation.id,
      until: invitation.expiresAt,
      change
    )
    try change.record(
      "invitation.create",
      invitation.id,
      before: nil,
      after: invitation.message()
    )
    return invitation.message(showing: dashboard.invitation(token))
  }
}
