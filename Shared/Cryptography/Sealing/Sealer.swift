public import Faults
public import Primitives
private import Synchronization

/// Envelope encryption at rest: master keys wrap data keys, data keys seal values.
///
/// Which account has which wrapped data keys is a table of the service that asks. The order of calls:
///
///     let wrapped = sealer.makeDataKey(for: account, version: 1)  // once an account: insert it
///     let key = try sealer.unwrap(wrapped)                        // as read back from the table
///     let sealed = key.seal(secret, in: place)
///     let secret = try key.open(sealed, in: place)
///
/// Unwrap what the table holds after the insert is committed, never what was about to be inserted:
/// of two processes that make an account's first key at once, only one is the winner, and what the
/// other had sealed already would be lost.
public final class Sealer: Sendable {
  private let state: Mutex<State>

  /// The master keys, ready for use, and what they have unwrapped.
  private struct State {
    let masterKeys: MasterKeys
    var ciphers: [UInt32: AESGCM] = [:]
    var unwrapped = DataKeyCache()

    var activeVersion: UInt32 { masterKeys.activeVersion }

    init(_ masterKeys: MasterKeys) {
      self.masterKeys = masterKeys
      for version in masterKeys.versions {
        ciphers[version] = masterKeys.key(version: version).map(AESGCM.init(key:))
      }
    }
  }

  /// Prepares the master keys.
  public init(masterKeys: MasterKeys) {
    state = Mutex(State(masterKeys))
  }

  /// Goes on with other master keys.
  ///
  /// Data keys that were unwrapped before are forgotten, so that nothing is opened by a key that was taken away.
  public func take(_ masterKeys: MasterKeys) {
    let next = State(masterKeys)
    state.withLock { $0 = next }
  }

  /// Whether it works with these very keys.
  public func holds(_ masterKeys: MasterKeys) -> Bool {
    state.withLock { $0.masterKeys }.equals(masterKeys)
  }

  /// The version of the master key that wraps new data keys.
  public var activeVersion: UInt32 { state.withLock { $0.activeVersion } }

  /// The versions of all master keys, the lowest first.
  public var versions: [UInt32] { state.withLock { $0.masterKeys.versions } }

  /// Makes a data key at random and wraps it by the active master key.
  ///
  /// - Parameters:
  ///   - account: The account whose values it will seal.
  ///   - version: Its number within the account, from 1 up, never used before.
  /// - Returns: The row to insert into the service's table of data keys.
  public func makeDataKey(for account: UUID, version: UInt32 = 1) -> WrappedDataKey {
    precondition(version > 0, "versions of data keys begin at 1")
    return SecretBytes.random(count: AESGCM.keyByteCount).withUnsafeBytes { key in
      wrap(key, for: account, version: version)
    }
  }

  /// Wraps a data key by the active master key.
  private func wrap(
    _ key: UnsafeRawBufferPointer,
    for account: UUID,
    version: UInt32
  ) -> WrappedDataKey {
    let (activeVersion, cipher) = state.withLock {
      ($0.activeVersion, $0.ciphers[$0.activeVersion])
    }
    guard let cipher else { preconditionFailure("the active master key is missing") }
    let header = VersionHeader.bytes(version: activeVersion)
    let empty = WrappedDataKey(accountID: account, version: version, bytes: [])
    let wrapped = cipher.seal(key, associatedData: empty.associatedData(header: header))
    return WrappedDataKey(accountID: account, version: version, bytes: header + wrapped)
  }

  /// Wraps a data key anew, by the active master key.
  ///
  /// - Parameter wrapped: A row of the service's table of data keys.
  /// - Returns: The row to put in its place; it has the same data key.
  /// - Throws: ``Fault`` as ``unwrap(_:)``.
  public func rewrap(_ wrapped: WrappedDataKey) throws(Fault) -> WrappedDataKey {
    var key = try open(wrapped)
    defer { wipe(&key) }
    return key.withUnsafeBytes { wrap($0, for: wrapped.accountID, version: wrapped.version) }
  }

  /// Unwraps a data key.
  ///
  /// The last ones are remembered, so this costs a dictionary look-up as a rule.
  ///
  /// - Parameter wrapped: A row of the service's table of data keys.
  /// - Returns: The key that seals and opens the account's values.
  /// - Throws: ``Fault`` `failedPrecondition` when the master key file lacks the version that is
  ///   needed; `dataLoss` when the row was changed or moved.
  public func unwrap(_ wrapped: WrappedDataKey) throws(Fault) -> DataKey {
    if let key = state.withLock({ $0.unwrapped.find(wrapped) }) { return key }
    var opened = try open(wrapped)
    let key = DataKey(
      accountID: wrapped.accountID,
      version: wrapped.version,
      key: SecretBytes(wiping: &opened)
    )
    state.withLock { $0.unwrapped.remember(key, for: wrapped) }
    return key
  }

  /// The bytes of a data key; whoever asks wipes them.
  private func open(_ wrapped: WrappedDataKey) throws(Fault) -> [UInt8] {
    guard let version = wrapped.masterKeyVersion else {
      throw fault(.dataLoss, wrapped, "not in the form of a wrapped key")
    }
    guard let cipher = state.withLock({ $0.ciphers[version] }) else {
      throw fault(.failedPrecondition, wrapped, "the master key file has no version \(version)")
    }
    let header = VersionHeader.bytes(version: version)
    let opened = wrapped.bytes.withUnsafeBytes { bytes in
      cipher.open(
        UnsafeRawBufferPointer(rebasing: bytes[VersionHeader.byteCount...]),
        associatedData: wrapped.associatedData(header: header)
      )
    }
    guard let opened else {
      throw fault(.dataLoss, wrapped, "changed, moved, or wrapped by another master key")
    }
    return opened
  }

  private func fault(_ code: Fault.Code, _ wrapped: WrappedDataKey, _ problem: String) -> Fault {
    Fault(
      code,
      "Stored data could not be read",
      reason: .internalError,
      detail: "data key \(wrapped.version) of account \(wrapped.accountID): \(problem)"
    )
  }
}

/// The data keys in use, by the exact row they came from: a row that was replaced is not found.
private struct DataKeyCache {
  /// About 1 KiB each, in OpenSSL's memory.
  private static let generationMax = 1_024

  /// Two generations of keys: one that was not asked for while a whole generation filled is dropped.
  private var young: [WrappedDataKey: DataKey] = [:]
  private var old: [WrappedDataKey: DataKey] = [:]

  mutating func find(_ wrapped: WrappedDataKey) -> DataKey? {
    if let key = young[wrapped] { return key }
    guard let key = old[wrapped] else { return nil }
    remember(key, for: wrapped)
    return key
  }

  mutating func remember(_ key: DataKey, for wrapped: WrappedDataKey) {
    if young.count >= Self.generationMax {
      old = young
      young = [:]
    }
    young[wrapped] = key
  }
}
