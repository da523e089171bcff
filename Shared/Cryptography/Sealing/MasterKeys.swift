/// The key-encryption keys of an installation: they wrap the data keys that lie in the database, and
/// are themselves never in it.
///
/// Every key has a version. New data keys are wrapped by the active one; the others stay until
/// nothing is wrapped by them any more.
public struct MasterKeys: Sendable {
  /// The most versions one installation may hold at a time; a rotation needs two.
  public static let versionsMax = 64

  /// The version that wraps new data keys.
  public let activeVersion: UInt32
  private let keys: [UInt32: SecretBytes]

  /// Takes keys that were checked by who reads them.
  ///
  /// - Precondition: The active version is among the keys, and each has 32 bytes.
  init(activeVersion: UInt32, keys: [UInt32: SecretBytes]) {
    precondition(keys[activeVersion] != nil, "the active master key is missing")
    precondition(keys.values.allSatisfy { $0.count == AESGCM.keyByteCount }, "a key has 32 bytes")
    self.activeVersion = activeVersion
    self.keys = keys
  }

  /// All versions, the lowest first.
  public var versions: [UInt32] { keys.keys.sorted() }

  /// Makes version 1 at random.
  public static func random() -> MasterKeys {
    MasterKeys(activeVersion: 1, keys: [1: .random(count: AESGCM.keyByteCount)])
  }

  /// The key of a version, if there is one.
  func key(version: UInt32) -> SecretBytes? {
    keys[version]
  }
}
