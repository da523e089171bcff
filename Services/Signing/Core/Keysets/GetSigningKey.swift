internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Signing {
  /// Shows one key of the caller's environment.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such key.
  public func getSigningKey(
    _ request: GetSigningKeyRequest,
    _ call: Call
  ) async throws(Fault) -> SigningKey {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    guard let keyset = try await keysets.get(tenant) else { throw .keyNotFound(id) }
    let key = try keyset.key(id)
    let now = now()
    let liveFiles = try await files.liveCounts(tenant, at: now)
    return key.message(
      at: now,
      liveFiles: liveFiles[key.publicKey.id] ?? 0,
      inSuccession: keyset.isInSuccession(key)
    )
  }
}
