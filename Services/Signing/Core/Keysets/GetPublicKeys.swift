internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Signing {
  /// The public keys of a tenant; its keyset is made where it has none yet.
  public func getPublicKeys(
    _ request: GetPublicKeysRequest,
    _ call: Call
  ) async throws(Fault) -> PublicKeys {
    let tenant = try Tenant(request.accountId, request.environment)
    let keyset = try await keyset(of: tenant)
    let now = now()
    let active = try keyset.active(at: now)
    return PublicKeys(
      activePublicKey: active.publicKey.text,
      activeKeyId: active.publicKey.id,
      publicKeys: keyset.keys.filter { $0.state(at: now) != .revoked }.map(\.publicKey.text)
    )
  }
}
