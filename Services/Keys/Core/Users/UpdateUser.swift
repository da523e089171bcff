internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Users {
  /// Changes the name or role of a user of the caller's account, or locks them out or in.
  ///
  /// Another role counts from the next request on, with another token; whoever is locked out has no session any more.
  ///
  /// - Throws: ``Fault`` `notFound`; `permissionDenied` when the user is, or would be, above the caller;
  ///   `BUSINESS_RULE_VIOLATION` when the account would be left without an owner.
  public func updateUser(_ request: UpdateUserRequest, _ call: Call) async throws(Fault) -> User {
    let caller = try LoggedInUser(call)
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> User in
      let (role, before, isLastOwner) = try await self.lockForRule(by: caller, over: id, change)
      var after = before
      var patch = Patch(request.presentNames)
      patch.set(&after.name, "name", request.name)
      patch.set(&after.role, "role", request.role)
      var isDisabled = before.disabledAt != nil
      patch.set(&isDisabled, "disabled", request.disabled)
      try patch.check()
      after.disabledAt = isDisabled ? before.disabledAt ?? change.now : nil
      try role.require(over: after.role)
      if isLastOwner, !after.isActiveOwner { throw .lastOwner }
      guard after != before else { return before.message }
      self.users.update(after, change)
      try change.record("user.update", id, before: before.message, after: after.message)
      if after.role != before.role {
        self.sessions.setRotation(ofUser: id, at: change.now, change)
      }
      if after.disabledAt != nil || after.role != before.role {
        try await self.takeBackLinks(by: id, change)
        // A link that was made for somebody below its maker must not lead to somebody above.
        self.links.deletePasswordResets(of: id, change)
      }
      if after.disabledAt != nil { try await self.endAll(of: id, change) }
      return after.message
    }
  }

  /// Removes a user of the caller's account.
  ///
  /// API keys that the user made stay; the audit log goes on telling what the user did.
  ///
  /// - Throws: ``Fault`` `notFound`; `permissionDenied` when the user is above the caller; `BUSINESS_RULE_VIOLATION`
  ///   for the last owner.
  public func deleteUser(_ request: DeleteUserRequest, _ call: Call) async throws(Fault)
    -> DeleteUserResponse
  {
    let caller = try LoggedInUser(call)
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> DeleteUserResponse in
      let (_, user, isLastOwner) = try await self.lockForRule(by: caller, over: id, change)
      if isLastOwner { throw .lastOwner }
      try await self.endAll(of: id, change)
      self.links.deletePasswordResets(of: id, change)
      try await self.takeBackLinks(by: id, change)
      self.secondFactors.delete(id, change)
      self.users.delete(id, change)
      try change.record("user.delete", id, before: user.message, after: nil)
      return DeleteUserResponse()
    }
  }

  /// Locks another user whose password or second factor the caller is to replace.
  ///
  /// One's own are replaced by who shows them, never by a session alone: it may be somebody else who has it.
  ///
  /// - Throws: ``Fault`` `notFound`; `permissionDenied` when the user is above the caller; `BUSINESS_RULE_VIOLATION`
  ///   when the user is the caller, with where to go instead.
  func lockForHelp(
    by caller: LoggedInUser,
    to id: UUID,
    or instead: String,
    _ change: Change
  ) async throws(Fault) -> UserRecord {
    guard id != caller.id else {
      throw Fault(
        .failedPrecondition,
        "This is for helping another user; for yourself use \(instead), with your password",
        reason: .businessRuleViolation
      )
    }
    return try await lockForRule(by: caller, over: id, change).user
  }

  /// Locks a user on whom the caller is to act, and everybody whose role the rules depend on.
  ///
  /// - Returns: The caller's role, the user, and whether the account has no other owner who can log in.
  /// - Throws: ``Fault`` `notFound`; `permissionDenied` when the user is above the caller.
  func lockForRule(
    by caller: LoggedInUser,
    over id: UUID,
    _ change: Change
  ) async throws(Fault) -> (role: Role, user: UserRecord, isLastOwner: Bool) {
    let locked = try await users.lockWithOwners([caller.id, id], change)
    guard let actor = locked.first(where: { $0.id == caller.id }), actor.disabledAt == nil
    else { throw .sessionEnded }
    guard let user = locked.first(where: { $0.id == id }) else { throw .userNotFound("\(id)") }
    try actor.role.require(over: user.role)
    let owners = locked.filter(\.isActiveOwner)
    return (actor.role, user, owners.map(\.id) == [id])
  }

  /// Takes back what a locked user has handed out in a role that is theirs no longer: invitations, and links by which
  /// others set a password.
  ///
  /// Whoever had the session of somebody who is locked out comes back through none of them.
  private func takeBackLinks(by id: UUID, _ change: Change) async throws(Fault) {
    for invitation in try await links.takeInvitations(by: id, change) {
      tokens.delete(of: [invitation.id], change)
      try change.record(
        "invitation.revoke",
        invitation.id,
        before: invitation.message(),
        after: nil
      )
    }
    links.deletePasswordResets(by: id, change)
  }
}

extension Fault {
  /// An account would be left without anybody who may do everything.
  fileprivate static let lastOwner = Fault(
    .failedPrecondition,
    "This is the account's last owner; make another user owner first",
    reason: .businessRuleViolation
  )
}
