public import Cryptography
public import EventLoop
public import Faults
public import Primitives

/// The data keys of an account that were looked up already: thousands of values are opened by the same few.
@EventLoop
public final class KnownDataKeys {
  private let dataKeys: DataKeyStore
  private var keys: [UInt32: DataKey] = [:]

  /// Knows none yet.
  ///
  /// - Parameter dataKeys: Where they are looked up.
  public init(_ dataKeys: DataKeyStore) { self.dataKeys = dataKeys }

  /// The key that opens what was sealed by a version.
  ///
  /// - Parameters:
  ///   - tenant: Whose; always of the same account.
  ///   - version: The version.
  /// - Returns: The key.
  /// - Throws: ``Fault`` `dataLoss` when the account has no such version.
  public func key(of tenant: Tenant, version: UInt32) async throws(Fault) -> DataKey {
    if let key = keys[version] { return key }
    let key = try await dataKeys.key(of: tenant, version: version)
    keys[version] = key
    return key
  }
}
