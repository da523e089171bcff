public import Faults
public import Primitives
private import Synchronization

/// The unwrapped key that seals one account's secrets.
///
/// A sealed value is, in order: format 1 (1 byte), version of the data key (4 bytes, big-endian),
/// nonce (12), ciphertext, tag (16). Account, table, column and row are bound as associated data.
public final class DataKey: Sendable {
  /// The account whose values this key seals.
  public let accountID: UUID
  /// The number of the key within its account.
  public let version: UInt32
  private let cipher: AESGCM
  /// What is left of the seals that were allowed; below zero when more were made.
  private let allowance = Atomic<Int>(0)

  init(accountID: UUID, version: UInt32, key: SecretBytes) {
    self.accountID = accountID
    self.version = version
    cipher = AESGCM(key: key)
  }

  /// How many seals are left of those that were allowed; below zero when more were made.
  ///
  /// Nonces are random, so one key may seal well under 2^32 times (NIST SP 800-38D, section 8.3). Whoever keeps data
  /// keys counts their seals by this: it writes down how many it allows before it allows them.
  public var sealsLeft: Int { allowance.load(ordering: .relaxed) }

  /// Allows more seals, which were written down.
  public func allow(seals: Int) {
    allowance.add(seals, ordering: .relaxed)
  }

  /// How many bytes sealing adds.
  public static let overheadByteCount = VersionHeader.byteCount + AESGCM.overheadByteCount

  /// The version of the data key that sealed a value, to find the key; nil when the bytes are no
  /// sealed value.
  public static func version(ofSealed bytes: [UInt8]) -> UInt32? {
    guard bytes.count >= overheadByteCount else { return nil }
    return VersionHeader.version(of: bytes)
  }

  /// Seals a value for one place.
  ///
  /// - Parameters:
  ///   - value: The bytes to keep secret; may be empty.
  ///   - place: Where the sealed value will lie; its account must be the key's.
  /// - Returns: What the database stores.
  public func seal(_ value: [UInt8], in place: SealingContext) -> [UInt8] {
    value.withUnsafeBytes { seal($0, in: place) }
  }

  /// Seals key material for one place.
  public func seal(_ value: SecretBytes, in place: SealingContext) -> [UInt8] {
    value.withUnsafeBytes { seal($0, in: place) }
  }

  private func seal(_ value: UnsafeRawBufferPointer, in place: SealingContext) -> [UInt8] {
    precondition(place.accountID == accountID, "this data key belongs to another account")
    allowance.subtract(1, ordering: .relaxed)
    let header = VersionHeader.bytes(version: version)
    return header + cipher.seal(value, associatedData: place.associatedData(header: header))
  }

  /// Opens a value at its place.
  ///
  /// - Parameters:
  ///   - sealed: What the database stored.
  ///   - place: Where it lay.
  /// - Returns: The bytes that were sealed; wipe them after use.
  /// - Throws: ``Fault`` `dataLoss` when the value was changed or moved, or another key sealed it.
  public func open(_ sealed: [UInt8], in place: SealingContext) throws(Fault) -> [UInt8] {
    guard place.accountID == accountID, DataKey.version(ofSealed: sealed) == version else {
      throw fault(place, "sealed by another data key than version \(version)")
    }
    let header = VersionHeader.bytes(version: version)
    let value = sealed.withUnsafeBytes { bytes in
      cipher.open(
        UnsafeRawBufferPointer(rebasing: bytes[VersionHeader.byteCount...]),
        associatedData: place.associatedData(header: header)
      )
    }
    guard let value else { throw fault(place, "changed or moved") }
    return value
  }

  private func fault(_ place: SealingContext, _ problem: String) -> Fault {
    Fault(
      .dataLoss,
      "Stored data could not be read",
      reason: .internalError,
      detail: "\(place.table).\(place.column) of row \(place.rowID): \(problem)"
    )
  }
}
