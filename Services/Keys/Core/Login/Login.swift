internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Users {
  /// Logs a user in, or asks for the code of the second factor.
  ///
  /// Whether there is no such user, the password is wrong or the user is locked out is never told, and the same work is
  /// done before that is known: one look-up, and one Argon2id.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when that is no login; `RATE_LIMITED` when there were too many attempts.
  public func login(_ request: LoginRequest, _ call: Call) async throws(Fault) -> LoginResponse {
    let email = EmailAddress(request.email)
    let address = LoginAddress(call)
    try throttle.take(.address(address))
    let facts = try await users.find(email)
    let isAtHome = facts?.loginAddresses.contains(address.text) ?? false
    let name = isAtHome ? LoginThrottle.Subject.nameAtHome(email, address) : .name(email)
    try throttle.take(name)
    let isRight = try await passwords.verify(request.password, against: facts?.passwordHash)
    guard let facts, isRight else { throw .wrongCredentials }
    var newHash: String?
    if passwords.needsRehash(facts.passwordHash) {
      newHash = try await passwords.hash(request.password)
    }
    let origin = Origin(call, user: facts.userID)
    let answer = try await changes.make(call, for: facts.tenant, by: origin) {
      (change) async throws(Fault) -> LoginResponse in
      guard var user = try await self.users.lock(facts.userID, change), user.disabledAt == nil,
        user.passwordHash == facts.passwordHash
      else { throw .wrongCredentials }
      if let newHash { user.passwordHash = newHash }
      guard user.hasSecondFactor else {
        try await self.beginSession(of: &user, from: address, call, change)
        return LoginResponse(status: .loggedIn, user: user.message)
      }
      if newHash != nil { self.users.update(user, change) }
      let challenge = LoginChallenge(for: user.id, at: change.now)
      self.sessions.insert(challenge, change)
      let token = self.tokens.issue(
        .challenge,
        for: challenge.id,
        until: challenge.expiresAt,
        change
      )
      return LoginResponse(status: .secondFactorNeeded, challenge: token.text)
    }
    // With a second factor to come it is not shown yet who tries.
    if answer.status == .loggedIn {
      throttle.giveBack(.address(address))
      throttle.giveBack(name)
    }
    return answer
  }
}

extension Fault {
  /// Something about a login is wrong; what, is not told.
  static let wrongCredentials = Fault(
    .unauthenticated,
    "The e-mail address, the password or the code is wrong",
    reason: .unauthorized
  )
}
