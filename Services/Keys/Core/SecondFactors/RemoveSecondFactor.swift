internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Users {
  /// Removes the second factor of the user who asks, also one that no code has confirmed.
  ///
  /// - Throws: ``Fault`` `invalidArgument` for a wrong password; `CONFLICT` when there is none.
  public func removeSecondFactor(
    _ request: RemoveSecondFactorRequest,
    _ call: Call
  ) async throws(Fault) -> RemoveSecondFactorResponse {
    let caller = try LoggedInUser(call)
    try await verifyOwnPassword(request.password, of: caller, field: "password", call)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> RemoveSecondFactorResponse in
      let user = try await self.lockActor(caller, change)
      try await self.removeSecondFactor(of: user, change)
      try await self.exchangeToken(caller, call, change)
      return RemoveSecondFactorResponse()
    }
  }

  /// Removes the second factor of another user who has lost it; nobody does so to somebody above their own role, nor to
  /// themselves.
  ///
  /// - Throws: ``Fault`` `notFound`; `permissionDenied`; `CONFLICT` when there is none; `BUSINESS_RULE_VIOLATION` for
  ///   the caller's own.
  public func resetSecondFactor(
    _ request: ResetSecondFactorRequest,
    _ call: Call
  ) async throws(Fault) -> ResetSecondFactorResponse {
    let caller = try LoggedInUser(call)
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> ResetSecondFactorResponse in
      let user = try await self.lockForHelp(
        by: caller,
        to: id,
        or: "DELETE /api/dashboard/me/second-factor",
        change
      )
      try await self.removeSecondFactor(of: user, change)
      return ResetSecondFactorResponse()
    }
  }

  private func removeSecondFactor(of user: UserRecord, _ change: Change) async throws(Fault) {
    guard try await secondFactors.lock(user.id, change) != nil else { throw .noSecondFactor }
    secondFactors.delete(user.id, change)
    sessions.deleteChallenges(ofUser: user.id, change)
    var after = user
    after.hasSecondFactor = false
    try change.record(
      "user.disableSecondFactor",
      user.id,
      before: user.message,
      after: after.message
    )
  }
}
