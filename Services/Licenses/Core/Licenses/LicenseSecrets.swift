internal import Cryptography
internal import Primitives

/// The secrets of a new license, as the database keeps them.
struct LicenseSecrets: Sendable {
  /// What the license is found by: SHA-256 of its key.
  var keyHash: [UInt8]
  /// The raw key, sealed: nothing else in the database leads back to it.
  var sealedKey: [UInt8]
  /// What the payload keys of offline files are derived from, sealed on its own, so that files can be made
  /// when the raw key is not kept.
  var sealedFileSecret: [UInt8]

  /// Seals what belongs to a license's key, bound to the license's row.
  init(of key: LicenseKey, license: UUID, sealedBy dataKey: DataKey) {
    func place(_ column: String) -> SealingContext {
      SealingContext(
        accountID: dataKey.accountID,
        table: "licenses.licenses",
        column: column,
        rowID: license
      )
    }
    keyHash = key.hash
    var text = Array(key.text.utf8)
    sealedKey = dataKey.seal(text, in: place("sealed_key"))
    wipe(&text)
    var fileSecret = key.fileSecret
    sealedFileSecret = dataKey.seal(fileSecret, in: place("sealed_file_secret"))
    wipe(&fileSecret)
  }
}
