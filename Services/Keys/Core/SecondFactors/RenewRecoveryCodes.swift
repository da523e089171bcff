internal import Changes
internal import Cryptography
public import Faults
public import Messages
public import RPC

extension Users {
  /// Makes new recovery codes for the user who asks, and shows them once; the old ones work no longer.
  ///
  /// - Throws: ``Fault`` `invalidArgument` for a wrong password; `CONFLICT` when the user has no second factor.
  public func renewRecoveryCodes(
    _ request: RenewRecoveryCodesRequest,
    _ call: Call
  ) async throws(Fault) -> RecoveryCodes {
    let caller = try LoggedInUser(call)
    try await verifyOwnPassword(request.password, of: caller, field: "password", call)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> RecoveryCodes in
      let user = try await self.lockActor(caller, change)
      guard let factor = try await self.secondFactors.lock(caller.id, change),
        factor.confirmedAt != nil
      else { throw .noSecondFactor }
      var secret = try await self.open(factor, of: change.tenant)
      defer { wipe(&secret) }
      let codes = self.makeRecoveryCodes(of: caller.id, under: secret, change)
      try change.record(
        "user.renewRecoveryCodes",
        caller.id,
        before: user.message,
        after: user.message
      )
      return codes
    }
  }
}

extension Fault {
  /// What belongs to a second factor is asked for without one.
  static let noSecondFactor = Fault(.aborted, "There is no second factor", reason: .conflict)
}
