internal import Cryptography

/// What the possession of a license key means offline: keys for payloads and proofs, all derived from the license's
/// file secret, which is derived from the license key.
///
/// An ordinary array that is wiped, not `SecretBytes`: the server makes one for each file, and memory of its own would
/// take longer than the signature. `@unchecked Sendable`: written by `init` and `deinit` alone.
///
/// The server keeps the file secret sealed (`LicenseKey.fileSecret`); a machine derives it from the key.
public final class FileSecret: @unchecked Sendable {
  private var bytes: [UInt8]

  /// The number of bytes of a file secret.
  public static let byteCount = 32
  /// The longest license key, in bytes.
  public static let licenseKeyBytesMax = 1_024

  /// Takes the secret as the server keeps it, ``byteCount`` bytes.
  ///
  /// The caller gives its array away: another copy of it would not be wiped.
  public init(_ bytes: consuming [UInt8]) {
    precondition(bytes.count == Self.byteCount, "a file secret has 32 bytes")
    self.bytes = bytes
  }

  /// Derives the secret from a license key, as typed.
  ///
  /// - Throws: ``Refusal`` ``Verdict/wrongLicenseKey`` when the text is empty or too long to be a key.
  public convenience init(licenseKey: String) throws(Refusal) {
    guard (1...Self.licenseKeyBytesMax).contains(licenseKey.utf8.count) else {
      throw Refusal(.wrongLicenseKey, "a license key has 1 to \(Self.licenseKeyBytesMax) bytes")
    }
    self.init(LicenseKey.fileSecret(of: licenseKey))
  }

  deinit {
    wipe(&bytes)
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
    withKey(for: Self.payloadPurpose(fingerprint)) { AESGCM(key: $0) }
  }

  private static func payloadPurpose(_ fingerprint: String) -> [UInt8] {
    Array("latchkey license file payload 1\0".utf8) + fingerprint.utf8
  }

  /// Proofs that whoever made a document has the license key.
  func proof(for purpose: StaticString) -> HMACSHA256 {
    withKey(for: purpose.withUTF8Buffer { Array($0) }) { HMACSHA256(key: $0) }
  }

  private func withKey<Result>(for purpose: [UInt8], _ body: ([UInt8]) -> Result) -> Result {
    var key = bytes.withUnsafeBytes { HKDF.derive(from: $0, purpose: purpose, count: 32) }
    defer { wipe(&key) }
    return body(key)
  }
}

extension FileSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// That there is one, and no more.
  public var description: String { "FileSecret(redacted)" }

  /// The same as ``description``.
  public var debugDescription: String { description }

  /// Shows no children, so that `dump` prints no secret.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
