private import CSodium
private import Primitives

/// The public half of an Ed25519 key pair: who has it can check signatures and make none.
///
/// Source: RFC 8032, section 5.1; libsodium `crypto_sign_verify_detached`.
public struct Ed25519PublicKey: Sendable, Hashable {
  /// The key, 32 bytes.
  public let bytes: [UInt8]

  /// The number of bytes of a key.
  public static let byteCount = 32
  /// The number of bytes of a signature.
  public static let signatureByteCount = 64

  /// What stands before the key's bytes in a SubjectPublicKeyInfo, the usual container of public keys.
  ///
  /// Source: RFC 8410, section 4.
  private static let derPrefix: [UInt8] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
  ]

  /// Reads 32 bytes; nil for another count, and for a point that no honest key is: not on the curve,
  /// not in canonical form, of small order, or outside the main subgroup.
  public init?(bytes: [UInt8]) {
    Sodium.prepare()
    guard bytes.count == Self.byteCount, crypto_core_ed25519_is_valid_point(bytes) == 1 else {
      return nil
    }
    self.bytes = bytes
  }

  /// Reads the text that applications embed: strict base 64 of the 44-byte SubjectPublicKeyInfo.
  public init?(text: String) {
    guard let der = Base64.decode(text), der.count == Self.derPrefix.count + Self.byteCount,
      der.starts(with: Self.derPrefix)
    else { return nil }
    self.init(bytes: Array(der[Self.derPrefix.count...]))
  }

  /// Base 64 of the 44-byte SubjectPublicKeyInfo.
  public var text: String { Base64.encode(Self.derPrefix + bytes) }

  /// The key's name: the first 16 bytes of the SHA-256 of its 32 bytes, as 32 lower-case digits.
  ///
  /// It follows from the key, so that nobody can give a key the name of another one.
  public var id: String { Hex.encode(Array(SHA256.hash(bytes)[..<16])) }

  /// Whether a signature was made over exactly these bytes with the private half.
  ///
  /// Strict, so that nobody can turn one signature into another: a scalar not below the group's order, a
  /// commitment or key of small order, and a length other than 64 are refused.
  public func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
    Sodium.prepare()
    guard signature.count == Self.signatureByteCount else { return false }
    return crypto_sign_verify_detached(signature, message, UInt64(message.count), bytes) == 0
  }
}
