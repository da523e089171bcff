private import Primitives

/// 256 random bits in base64url, 43 characters: what a session, a link or a half-done login is known by.
///
/// Nothing can be read from it; who keeps its SHA-256 recognises it.
public struct OpaqueToken: Sendable {
  /// The token, for its holder alone.
  public let text: String

  private static let byteCount = 32

  private init(text: String) { self.text = text }

  /// Makes a new token.
  public static func generate() -> OpaqueToken {
    OpaqueToken(text: Base64.encode(SecureRandom.bytes(byteCount), alphabet: .url))
  }

  /// Reads a token.
  ///
  /// - Parameter text: What a caller sent, of any length and content.
  /// - Returns: The token, which may be nobody's; nil when it cannot be one.
  public static func parse(_ text: String) -> OpaqueToken? {
    guard text.utf8.count == (byteCount * 4 + 2) / 3,
      Base64.decode(text, alphabet: .url)?.count == byteCount
    else { return nil }
    return OpaqueToken(text: text)
  }

  /// The SHA-256 of the text: what is stored and looked up.
  ///
  /// A plain hash is enough, since nobody can try out 256 random bits.
  public var hash: [UInt8] { SHA256.hash(text) }
}

extension OpaqueToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The kind only.
  public var description: String { "OpaqueToken(redacted)" }

  /// The same as ``description``.
  public var debugDescription: String { description }

  /// Shows no children, so that `dump` does not print the token.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
