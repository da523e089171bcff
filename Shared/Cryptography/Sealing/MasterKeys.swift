public import Faults

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

  /// The same keys and a new one, made at random, which becomes the active version.
  ///
  /// Its number is one more than the highest so far, so that a number is not used for two keys.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when there are ``versionsMax`` versions already.
  public func addingVersion() throws(Fault) -> MasterKeys {
    guard keys.count < Self.versionsMax, let highest = versions.last, highest < .max else {
      throw Fault(
        .failedPrecondition,
        "There are too many master keys; retire those that are not used any more"
      )
    }
    var keys = keys
    keys[highest + 1] = .random(count: AESGCM.keyByteCount)
    return MasterKeys(activeVersion: highest + 1, keys: keys)
  }

  /// The same keys without one of them.
  ///
  /// - Throws: ``Fault`` `notFound` when there is no such version, `failedPrecondition` when it is the active one.
  public func removing(version: UInt32) throws(Fault) -> MasterKeys {
    guard keys[version] != nil else {
      throw Fault(.notFound, "There is no master key of version \(version)")
    }
    guard version != activeVersion else {
      throw Fault(
        .failedPrecondition,
        "Version \(version) of the master keys is the active one; rotate them first"
      )
    }
    return MasterKeys(activeVersion: activeVersion, keys: keys.filter { $0.key != version })
  }

  /// Whether these are the same keys under the same versions, with the same one active; takes as long for any keys.
  func equals(_ other: MasterKeys) -> Bool {
    activeVersion == other.activeVersion && versions == other.versions
      && versions.allSatisfy { version in
        guard let one = keys[version], let two = other.keys[version] else { return false }
        return one.equals(two)
      }
  }

  /// The key of a version, if there is one.
  func key(version: UInt32) -> SecretBytes? {
    keys[version]
  }
}
