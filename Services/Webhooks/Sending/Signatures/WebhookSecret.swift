public import Cryptography
private import Primitives

/// The secret that an endpoint shares with its receiver: `whsec_` and the base64 of 32 random bytes.
///
/// One text serves both ways of signing. The Licentric ones take the whole text, with its prefix, as the key; Standard
/// Webhooks takes the bytes that the base64 behind the prefix stands for. Both keys are prepared once and kept by
/// OpenSSL, which wipes them; the text is not kept.
/// Source: the Licentric contract, section 5.4; Standard Webhooks 1.0, "Signature scheme".
public final class WebhookSecret: Sendable {
  /// What every secret begins with.
  public static let prefix = "whsec_"
  /// How many random bytes a secret stands for: the upper end of what Standard Webhooks allows is 64, its lower 24.
  public static let keyByteCount = 32
  /// How many characters a secret has.
  public static let characterCount = 6 + 44

  let textKey: HMACSHA256
  let bytesKey: HMACSHA256

  /// Takes a secret's text; nil when it has not the form that ``generate()`` makes.
  public init?(_ text: SecretBytes) {
    guard text.count == WebhookSecret.characterCount else { return nil }
    let bytes: [UInt8]? = text.withUnsafeBytes { text in
      guard text.starts(with: WebhookSecret.prefix.utf8) else { return nil }
      return Base64.decode(UnsafeRawBufferPointer(rebasing: text[6...]))
    }
    guard var bytes, bytes.count == WebhookSecret.keyByteCount else { return nil }
    textKey = HMACSHA256(key: text)
    bytesKey = HMACSHA256(key: bytes)
    wipe(&bytes)
  }

  /// Makes a new secret's text, to be shown once and sealed.
  public static func generate() -> SecretBytes {
    var random = SecureRandom.bytes(keyByteCount)
    var text = Array(prefix.utf8) + Array(Base64.encode(random).utf8)
    wipe(&random)
    return SecretBytes(wiping: &text)
  }
}

extension WebhookSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// No part of the secret.
  public var description: String { "WebhookSecret(redacted)" }

  /// The same as ``description``.
  public var debugDescription: String { description }

  /// Shows no children.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
