internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Users {
  /// Has the logins of the user who asks need codes, once a code has shown that the secret arrived.
  ///
  /// - Throws: ``Fault`` `invalidArgument` for a wrong code; `CONFLICT` when there is nothing to confirm.
  public func confirmSecondFactor(
    _ request: ConfirmSecondFactorRequest,
    _ call: Call
  ) async throws(Fault) -> RecoveryCodes {
    let caller = try LoggedInUser(call)
    try throttle.take(.codes(caller.id))
    let codes = try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> RecoveryCodes in
      let before = try await self.lockActor(caller, change)
      guard let factor = try await self.secondFactors.lock(caller.id, change),
        factor.confirmedAt == nil
      else {
        throw Fault(.aborted, "There is no second factor to confirm", reason: .conflict)
      }
      var secret = try await self.open(factor, of: change.tenant)
      defer { wipe(&secret) }
      guard
        let step = TOTP(secret: secret).step(
          of: request.code,
          at: change.now,
          after: factor.lastStep
        )
      else {
        throw .invalid([
          Fault.Issue(
            path: ["code"],
            message: "Is not the code of this moment; check the clock of your device",
            code: "custom"
          )
        ])
      }
      self.secondFactors.setLastStep(step, of: caller.id, change)
      self.secondFactors.confirm(caller.id, change)
      let codes = self.makeRecoveryCodes(of: caller.id, under: secret, change)
      // The session is worth more than before: whoever has read its token must not share in that.
      try await self.exchangeToken(caller, call, change)
      var after = before
      after.hasSecondFactor = true
      try change.record(
        "user.enableSecondFactor",
        caller.id,
        before: before.message,
        after: after.message
      )
      return codes
    }
    throttle.giveBack(.codes(caller.id))
    return codes
  }

  /// Makes recovery codes in the place of all that a user has.
  func makeRecoveryCodes(of user: UUID, under secret: [UInt8], _ change: Change) -> RecoveryCodes {
    let codes = (0..<RecoveryCode.countPerUser).map { _ in RecoveryCode.generate() }
    secondFactors.replaceCodes(codes.map { $0.mac(under: secret) }, of: user, change)
    return RecoveryCodes(recoveryCodes: codes.map(\.text))
  }
}
