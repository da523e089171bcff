internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Users {
  /// Answers the challenge of a login with a code of the second factor or a recovery code.
  ///
  /// A wrong code is paid with one of the challenge's attempts, which is committed with the refusal.
  ///
  /// - Throws: ``Fault`` `unauthenticated`, whatever is wrong; `RATE_LIMITED` when there were too many attempts.
  public func completeLogin(
    _ request: CompleteLoginRequest,
    _ call: Call
  ) async throws(Fault) -> LoginResponse {
    let address = LoginAddress(call)
    try throttle.take(.address(address))
    guard let (tenant, id) = try await tokens.find(request.challenge, .challenge, at: now())
    else { throw .wrongCredentials }
    var tried: UUID?
    let answer = try await changes.makeOrRefuse(call, for: tenant) {
      (change) async throws(Fault) -> Changes.Outcome<LoginResponse> in
      // As everywhere the user first, so that no two wait for each other.
      guard let userID = try await self.sessions.user(ofChallenge: id, change),
        var user = try await self.users.lock(userID, change), user.disabledAt == nil,
        let challenge = try await self.sessions.lockChallenge(id, change),
        challenge.isOpen(at: change.now)
      else { return .refused(.wrongCredentials) }
      try self.throttle.take(.codes(user.id))
      tried = user.id
      guard try await self.accept(request.code, of: user, call, change) else {
        self.sessions.spendAttempt(of: id, change)
        return .refused(.wrongCredentials)
      }
      self.sessions.delete(challenge: id, change)
      self.tokens.delete(of: [id], change)
      try await self.beginSession(of: &user, from: address, call, change)
      return .done(LoginResponse(status: .loggedIn, user: user.message))
    }
    throttle.giveBack(.address(address))
    if let tried { throttle.giveBack(.codes(tried)) }
    return answer
  }

  /// Whether a code is one of a user's second factor: of the authenticator, or a recovery code.
  ///
  /// Either is used up.
  private func accept(
    _ code: String,
    of user: UserRecord,
    _ call: Call,
    _ change: Change
  ) async throws(Fault) -> Bool {
    guard let factor = try await secondFactors.lock(user.id, change), factor.confirmedAt != nil
    else { return false }
    var secret = try await open(factor, of: change.tenant)
    defer { wipe(&secret) }
    let totp = TOTP(secret: secret)
    if let step = totp.step(of: code, at: change.now, after: factor.lastStep) {
      secondFactors.setLastStep(step, of: user.id, change)
      return true
    }
    guard let recovery = RecoveryCode(code),
      try await secondFactors.use(recovery.mac(under: secret), of: user.id, change)
    else { return false }
    try change.record(
      "user.useRecoveryCode",
      user.id,
      before: user.message,
      after: user.message,
      by: Origin(call, user: user.id)
    )
    return true
  }
}
