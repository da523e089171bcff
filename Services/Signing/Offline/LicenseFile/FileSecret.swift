internal import Cryptography

/// What the possession of a license key means offline: keys for payloads and proofs, all derived from the license's
/// file secret, which is derived from the license key.
///
/// The server keeps the file secret sealed (`LicenseKey.fileSecret`); a machine derives it from the key.
public final class FileSecret: Sendable {
  private let bytes: SecretBytes

  /// The number of bytes of a file secret.
  public static let byteCount = 32
  /// The longest license key, in bytes.
  public static let licenseKeyBytesMax = 1_024

  /// Takes the secret as the server keeps it, ``byteCount`` bytes, and wipes the caller's copy.
  public init(wiping bytes: inout [UInt8]) {
    precondition(bytes.count == Self.byteCount, "a file secret has 32 bytes")
    self.bytes = SecretBytes(wiping: &bytes)
  }

  /// Derives the secret from a license key, as typed.
  ///
  /// - Throws: ``Refusal`` ``Verdict/wrongLicenseKey`` when the text is empty or too long to be a key.
  public convenience init(licenseKey: String) throws(Refusal) {
    guard (1...Self.licenseKeyBytesMax).contains(licenseKey.utf8.count) else {
      throw Refusal(.wrongLicenseKey, "a license key has 1 to \(Self.licenseKeyBytesMax) bytes")
    }
    var secret = LicenseKey.fileSecret(of: licenseKey)
    self.init(wiping: &secret)
  }

  /// What seals the payloads of one machine's files; nothing leads back from it to the secret.
  ///
  /// - Parameters:
  ///   - secret: The license's secret, ``byteCount`` bytes.
  ///   - fingerprint: The machine's.
  /// - Returns: 32 bytes; wipe them after use.
  public static func payloadKey(of secret: [UInt8], fingerprint: String) -> [UInt8] {
    secret.withUnsafeBytes {
      HKDF.derive(from: $0, purpose: payloadPurpose(fingerprint), count: AESGCM.keyByteCount)
    }
  }

  /// The cipher for the payloads of one machine's files.
  func payloadCipher(fingerprint: String) -> AESGCM {
    AESGCM(key: key(for: Self.payloadPurpose(fingerprint)))
  }

  private static func payloadPurpose(_ fingerprint: String) -> [UInt8] {
    Array("latchkey license file payload 1\0".utf8) + fingerprint.utf8
  }

  /// Proofs that whoever made a document has the license key.
  func proof(for purpose: StaticString) -> HMACSHA256 {
    HMACSHA256(key: key(for: purpose.withUTF8Buffer { Array($0) }))
  }

  private func key(for purpose: [UInt8]) -> SecretBytes {
    var key = bytes.withUnsafeBytes { HKDF.derive(from: $0, purpose: purpose, count: 32) }
    return SecretBytes(wiping: &key)
  }
}
