public import Faults
public import Messages
internal import Postgres
public import RPC

extension Keys {
  /// Says whose API key has a hash and what it may do; read together with all that are asked for at the
  /// same time, and never from a cache.
  public func authenticateApiKey(
    _ request: AuthenticateApiKeyRequest,
    _ call: Call
  ) async throws(Fault) -> AuthenticateApiKeyResponse {
    guard let hash = Digest(request.sha256) else {
      throw .internalError("A hash that the contract checks to have 32 bytes has not")
    }
    let facts = try await keyFacts.load(hash)
    let now = now()
    let answer = AuthenticateApiKeyResponse(on: facts, at: now)
    if let facts, answer.verdict == .valid { uses.note(facts.id, of: facts.tenant, at: now) }
    return answer
  }
}
