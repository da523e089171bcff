public import Cryptography
public import EventLoop
public import Faults
public import Primitives

/// The keys that seal an account's secrets, in a service that keeps them.
@EventLoop
public protocol DataKeys: AnyObject {
  /// The key that seals what is new; made when the account has none yet.
  ///
  /// Ask again for every few thousand values: what a key seals is limited, and a newer one may be there.
  ///
  /// - Throws: ``Fault`` `unavailable` when the database is gone.
  func newest(of tenant: Tenant) async throws(Fault) -> DataKey

  /// The key that opens what was sealed by a version.
  ///
  /// - Throws: ``Fault`` `dataLoss` when the account has no such version.
  func key(of tenant: Tenant, version: UInt32) async throws(Fault) -> DataKey
}

extension DataKeys {
  /// Opens a value at its place, by the key that has sealed it.
  ///
  /// - Returns: The bytes that were sealed; wipe them after use.
  /// - Throws: ``Fault`` `dataLoss` when the value was changed or moved, or its key is gone.
  public func open(
    _ sealed: [UInt8],
    in place: SealingContext,
    of tenant: Tenant
  ) async throws(Fault) -> [UInt8] {
    let key = try await key(of: tenant, version: DataKey.version(ofSealed: sealed) ?? 0)
    return try key.open(sealed, in: place)
  }
}
