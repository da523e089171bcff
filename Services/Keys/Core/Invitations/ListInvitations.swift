internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Users {
  /// Lists the invitations to the caller's account that can still be accepted, newest first.
  public func listInvitations(
    _ request: ListInvitationsRequest,
    _ call: Call
  ) async throws(Fault) -> ListInvitationsResponse {
    let caller = try LoggedInUser(call)
    let page = try Page(cursor: request.cursor, limit: request.limit)
    let records = try await links.list(
      caller.tenant,
      at: now(),
      below: page.below,
      rows: page.rows
    )
    let (items, pagination) = page.cut(records.map { $0.message() }) { $0.id }
    return ListInvitationsResponse(data: items, pagination: pagination)
  }

  /// Takes an invitation to the caller's account back.
  ///
  /// - Throws: ``Fault`` `notFound` when there is no such invitation, or not any more; `permissionDenied` when it is to
  ///   a role above the caller's.
  public func revokeInvitation(
    _ request: RevokeInvitationRequest,
    _ call: Call
  ) async throws(Fault) -> RevokeInvitationResponse {
    let caller = try LoggedInUser(call)
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> RevokeInvitationResponse in
      let actor = try await self.lockActor(caller, change)
      guard let invitation = try await self.links.take(invitation: id, change) else {
        throw .notFound("Invitation not found: \(request.id)")
      }
      try actor.role.require(over: invitation.role)
      self.tokens.delete(of: [id], change)
      try change.record("invitation.revoke", id, before: invitation.message(), after: nil)
      return RevokeInvitationResponse()
    }
  }
}
