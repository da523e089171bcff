internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import Sealing

extension Users {
  /// Makes the secret of a second factor for the user who asks, and shows it once.
  ///
  /// Asked again before a code has confirmed it, it makes another one.
  ///
  /// - Throws: ``Fault`` `invalidArgument` for a wrong password; `CONFLICT` when the user has a second factor.
  public func beginSecondFactor(
    _ request: BeginSecondFactorRequest,
    _ call: Call
  ) async throws(Fault) -> NewSecondFactor {
    let caller = try LoggedInUser(call)
    try await verifyOwnPassword(request.password, of: caller, field: "password", call)
    return try await changes.make(call, for: caller.tenant) {
      (change) async throws(Fault) -> NewSecondFactor in
      let user = try await self.lockActor(caller, change)
      var secret = SecureRandom.bytes(TOTP.secretByteCount)
      defer { wipe(&secret) }
      let dataKey = try await self.dataKeys.newest(of: change.tenant)
      let place = SecondFactorRecord.place(of: user.id, change.tenant)
      guard
        try await self.secondFactors.insert(dataKey.seal(secret, in: place), of: user.id, change)
      else {
        throw Fault(
          .aborted,
          "You have a second factor already; remove it before you set up another",
          reason: .conflict
        )
      }
      let totp = TOTP(secret: secret)
      return NewSecondFactor(
        secret: totp.typedSecret,
        otpauthUri: totp.uri(for: user.email.text)
      )
    }
  }
}
