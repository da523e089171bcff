internal import Cryptography
internal import Faults
internal import Primitives
internal import Sealing

/// The secrets of a new license, as the database keeps them.
struct LicenseSecrets: Sendable {
  /// What the license is found by: SHA-256 of its key.
  var keyHash: [UInt8]
  /// The raw key, sealed: nothing else in the database leads back to it.
  ///
  /// Nil when nobody knows it here, or the product does not store keys.
  var sealedKey: [UInt8]?
  /// What the payload keys of offline files are derived from, sealed on its own, so that files can be made
  /// when the raw key is not kept.
  ///
  /// Nil when the key is unknown.
  var sealedFileSecret: [UInt8]?

  /// Seals what belongs to a license's key, bound to the license's row.
  ///
  /// A key of our own form is found by the hash of its canonical form, any other by that of its exact text.
  ///
  /// - Parameters:
  ///   - text: The key.
  ///   - isStored: Whether the key itself is kept.
  ///   - license: The license's id.
  ///   - dataKey: The account's data key.
  init(ofKey text: String, isStored: Bool, license: UUID, sealedBy dataKey: DataKey) {
    func place(_ column: String) -> SealingContext {
      Self.place(of: column, license: license, account: dataKey.accountID)
    }
    keyHash = LicenseKey.lookupHashes(of: text)[0]
    if isStored {
      var bytes = Array(text.utf8)
      sealedKey = dataKey.seal(bytes, in: place("sealed_key"))
      wipe(&bytes)
    }
    var fileSecret = LicenseKey.fileSecret(of: text)
    sealedFileSecret = dataKey.seal(fileSecret, in: place("sealed_file_secret"))
    wipe(&fileSecret)
  }

  /// Opens the stored key of a license.
  ///
  /// - Throws: ``Fault`` `dataLoss` when the sealed key was changed, or belongs to another place.
  static func key(
    sealed: [UInt8],
    license: UUID,
    openedBy dataKey: DataKey
  ) throws(Fault) -> String {
    let place = place(of: "sealed_key", license: license, account: dataKey.accountID)
    var bytes = try dataKey.open(sealed, in: place)
    defer { wipe(&bytes) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Opens what the payload keys of a license's files are derived from.
  ///
  /// - Returns: 32 bytes; wipe them after use.
  /// - Throws: ``Fault`` `dataLoss` when the sealed secret was changed, or belongs to another place.
  static func fileSecret(
    sealed: [UInt8],
    license: UUID,
    openedBy dataKey: DataKey
  ) throws(Fault) -> [UInt8] {
    let place = place(of: "sealed_file_secret", license: license, account: dataKey.accountID)
    return try dataKey.open(sealed, in: place)
  }

  private static func place(of column: String, license: UUID, account: UUID) -> SealingContext {
    Licenses.sealedLicenses.place(column, row: license, account: account)
  }

  /// What there is of a key that is known by its hash only.
  init(keyHash: [UInt8]) {
    self.keyHash = keyHash
  }
}
