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
    guard try await apiKeys.revoke(tenant, id: try UUID(checked: request.id), at: now()) else {
      throw .notFound("API key not found: \(request.id)")
    }
    return RevokeApiKeyResponse()
  }
}
