/// What checking a license file came to.
///
/// The raw values are stable names that programs match on; every SDK uses the same ones. They are listed in
/// `Services/Signing/FORMAT.md`.
public enum Verdict: String, Sendable, CaseIterable {
  /// Everything that was asked for holds.
  case valid = "VALID"

  /// Damaged, cut, too large, or no such file at all.
  case malformed = "MALFORMED"
  /// Of a later format than this verifier knows.
  case unsupportedVersion = "UNSUPPORTED_VERSION"
  /// Not signed by the key that it names.
  case invalidSignature = "INVALID_SIGNATURE"

  /// Signed by a key that the verifier was not given.
  case unknownKey = "UNKNOWN_KEY"
  /// Issued before its key existed.
  case keyNotYetValid = "KEY_NOT_YET_VALID"
  /// Issued after its key had been retired.
  case keyRetired = "KEY_RETIRED"
  /// Signed by a key that was withdrawn, so that nothing it ever signed counts.
  case keyRevoked = "KEY_REVOKED"
  /// The document of keys is damaged, or the root did not sign it.
  case invalidKeys = "INVALID_KEYS"
  /// The document of keys is older than one that was seen before.
  case keysRollback = "KEYS_ROLLBACK"

  /// For another account.
  case wrongAccount = "WRONG_ACCOUNT"
  /// For the other environment.
  case wrongEnvironment = "WRONG_ENVIRONMENT"
  /// For another product.
  case wrongProduct = "WRONG_PRODUCT"
  /// For another machine, as a copied file is.
  case wrongFingerprint = "WRONG_FINGERPRINT"
  /// The payload, or the proof of possession, does not belong to the license key and fingerprint given.
  case wrongLicenseKey = "WRONG_LICENSE_KEY"

  /// Issued later than now: one of the two clocks is wrong.
  case issuedInFuture = "ISSUED_IN_FUTURE"
  /// Not to be used yet.
  case notYetValid = "NOT_YET_VALID"
  /// No longer to be used.
  case expired = "EXPIRED"
  /// The clock shows an earlier time than was seen before.
  case clockRollback = "CLOCK_ROLLBACK"
  /// The file is older than one that was seen before.
  case serialRollback = "SERIAL_ROLLBACK"

  /// On the list of revoked serials.
  case revoked = "REVOKED"
  /// The list of revoked serials is damaged, or no trusted key signed it.
  case invalidRevocations = "INVALID_REVOCATIONS"
  /// The list of revoked serials is older than one that was seen before.
  case revocationsRollback = "REVOCATIONS_ROLLBACK"
}

/// Why something from outside is not accepted.
public struct Refusal: Error, Sendable, Equatable {
  /// The stable name, never ``Verdict/valid``.
  public let verdict: Verdict
  /// One sentence for people, which holds no secret.
  public let message: String

  /// Makes a refusal.
  public init(_ verdict: Verdict, _ message: String) {
    precondition(verdict != .valid, "what is valid is not refused")
    self.verdict = verdict
    self.message = message
  }

  /// The same refusal under another name, for what is carried inside something else.
  func renamed(_ verdict: Verdict, in container: String) -> Refusal {
    Refusal(verdict, "\(container): \(message)")
  }
}
