internal import Cryptography
internal import Primitives

/// The secrets of a new license, as the database keeps them.
struct LicenseSecrets: Sendable {
  /// What the license is found by: SHA-256 of its key.
  var keyHash: [UInt8]
  /// The raw key, sealed: nothing else in the database leads back to it.
  ///
  /// Nil when nobody knows it here.
  var sealedKey: [UInt8]?
  /// What the payload keys of offline files are derived from, sealed on its own, so that files can be made
  /// when the raw key is not kept.
  ///
  /// Nil when the key is unknown.
  var sealedFileSecret: [UInt8]?

  /// Seals what belongs to a license's key, bound to the license's row.
  ///
  /// A key of our own form is found by the hash of its canonical form, any other by that of its exact text.
  init(ofKey text: String, license: UUID, sealedBy dataKey: DataKey) {
    func place(_ column: String) -> SealingContext {
      SealingContext(
        accountID: dataKey.accountID,
        table: "licenses.licenses",
        column: column,
        rowID: license
      )
    }
    keyHash = LicenseKey.lookupHashes(of: text)[0]
    var bytes = Array(text.utf8)
    sealedKey = dataKey.seal(bytes, in: place("sealed_key"))
    wipe(&bytes)
    var fileSecret = LicenseKey.fileSecret(of: text)
    sealedFileSecret = dataKey.seal(fileSecret, in: place("sealed_file_secret"))
    wipe(&fileSecret)
  }

  /// What there is of a key that is known by its hash only.
  init(keyHash: [UInt8]) {
    self.keyHash = keyHash
  }
}
