internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Keys {
  /// Revokes one API key of the caller's environment, also the calling one, for good.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such key.
  public func revokeApiKey(
    _ request: RevokeApiKeyRequest,
    _ call: Call
  ) async throws(Fault) -> RevokeApiKeyResponse {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let before = try await self.apiKeys.lock(id, change) else {
        throw .notFound("API key not found: \(request.id)")
      }
      if before.revokedAt == nil {
        self.apiKeys.revoke(id, change)
        var after = before
        after.revokedAt = change.now
        try change.record("apiKey.revoke", id, before: before.message(), after: after.message())
      }
      return RevokeApiKeyResponse()
    }
  }
}
