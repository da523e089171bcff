internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Postgres
internal import Primitives
public import RPC

extension Users {
  /// Exchanges the token of a session whose time for that has come.
  ///
  /// Of many requests that come with one token at that moment, the first gets the new one and the others none; the old
  /// one goes on for a minute.
  public func rotateSession(
    _ request: RotateSessionRequest,
    _ call: Call
  ) async throws(Fault) -> RotateSessionResponse {
    guard let hash = Digest(request.sha256) else {
      throw .internalError("A hash that the contract checks to have 32 bytes has not")
    }
    guard let found = try await sessionFacts.load(hash) else { return RotateSessionResponse() }
    // Nothing that anybody has a right to changes, so the audit log does not tell of it.
    return try await changes.makeUnasked(for: found.tenant) {
      (change) async throws(Fault) -> RotateSessionResponse in
      guard let session = try await self.sessions.lock(found.sessionID, change),
        // Under the lock: another request may have been first.
        let facts = try await self.sessions.authenticate([hash])[hash],
        facts.isGood(at: change.now), facts.isRotationDue(at: change.now)
      else { return RotateSessionResponse() }
      self.tokens.replace(ofSession: session.id, until: change.now + SessionFacts.overlap, change)
      self.sessions.setRotation(
        of: session.id,
        at: change.now + SessionFacts.rotationInterval,
        change
      )
      let token = self.tokens.issue(
        .session,
        for: session.id,
        until: session.expiresAt,
        change
      )
      return RotateSessionResponse(token: token.text)
    }
  }
}
