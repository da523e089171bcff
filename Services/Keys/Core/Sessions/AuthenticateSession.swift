public import Faults
public import Messages
internal import Postgres
internal import Primitives
public import RPC

extension Users {
  /// Says whose session has a token with a hash, and what its user may do; read together with all that are asked for at
  /// the same time, and never from a cache.
  public func authenticateSession(
    _ request: AuthenticateSessionRequest,
    _ call: Call
  ) async throws(Fault) -> AuthenticateSessionResponse {
    guard let hash = Digest(request.sha256) else {
      throw .internalError("A hash that the contract checks to have 32 bytes has not")
    }
    let now = now()
    guard let facts = try await sessionFacts.load(hash), facts.isGood(at: now) else {
      return AuthenticateSessionResponse(good: false)
    }
    uses.note(facts.sessionID, of: facts.tenant, at: now)
    return AuthenticateSessionResponse(
      good: true,
      accountId: facts.tenant.accountID.description,
      userId: facts.userID.description,
      sessionId: facts.sessionID.description,
      testScopes: facts.role.scopes(in: .test),
      liveScopes: facts.role.scopes(in: .live),
      rotationDue: facts.isRotationDue(at: now)
    )
  }
}
