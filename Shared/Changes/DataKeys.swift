public import Cryptography
public import EventLoop
public import Faults
public import Primitives

/// The keys that seal an account's secrets, in a service that keeps them.
@EventLoop
public protocol DataKeys: AnyObject {
  /// The key that seals what is new; made when the account has none yet.
  ///
  /// - Throws: ``Fault`` `unavailable` when the database is gone.
  func newest(of tenant: Tenant) async throws(Fault) -> DataKey

  /// The key that opens what was sealed by a version.
  ///
  /// - Throws: ``Fault`` `dataLoss` when the account has no such version.
  func key(of tenant: Tenant, version: UInt32) async throws(Fault) -> DataKey
}
