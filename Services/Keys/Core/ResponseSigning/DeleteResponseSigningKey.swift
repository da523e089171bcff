internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Keys {
  /// Gives up a rotation: deletes the next response-signing key, and answers have one signature again.
  ///
  /// - Throws: ``Fault`` `permissionDenied` for an API key of the test environment; `notFound` when the account has
  ///   no such key; `CONFLICT` when it is not the next one.
  public func deleteResponseSigningKey(
    _ request: DeleteResponseSigningKeyRequest,
    _ call: Call
  ) async throws(Fault) -> DeleteResponseSigningKeyResponse {
    let tenant = try call.requireLiveTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let record = try await self.lockResponseSigningKey(id, change)
      guard record.state == .next else {
        throw .keyConflict(
          "Only the next response-signing key can be deleted; this one is \(record.state.rawValue)"
        )
      }
      self.responseSigningKeys.delete(id, change)
      try change.record("responseSigningKey.delete", id, before: record.message(), after: nil)
      return DeleteResponseSigningKeyResponse()
    }
  }
}
