private import Primitives

/// A code that lets a user in once who has lost the second factor: `XXXXX-XXXXX` in Crockford's base 32, 50 random bits.
///
/// So few bits could be tried out from a plain hash. So what is kept is an HMAC, under a key that is derived from the
/// user's sealed TOTP secret: without the master keys a database tells nothing.
public struct RecoveryCode: Sendable {
  /// How many a user is given at a time.
  public static let countPerUser = 10
  private static let groupCount = 5
  private static let symbolCount = 2 * groupCount

  /// Ten symbols, without the hyphen.
  private let symbols: [UInt8]

  /// Makes a new code.
  public static func generate() -> RecoveryCode {
    // The low five bits of each random byte.
    RecoveryCode(symbols: SecureRandom.bytes(symbolCount).map { CrockfordBase32.symbol($0) })
  }

  private init(symbols: [UInt8]) { self.symbols = symbols }

  /// Reads a code as people type it: in either case, with or without hyphens and blanks, with look-alikes.
  ///
  /// - Returns: The code; nil when it cannot be one.
  public init?(_ text: String) {
    var symbols: [UInt8] = []
    for byte in text.utf8 where byte != UInt8(ascii: "-") && byte != UInt8(ascii: " ") {
      guard symbols.count < Self.symbolCount, let symbol = CrockfordBase32.folded(byte) else {
        return nil
      }
      symbols.append(symbol)
    }
    guard symbols.count == Self.symbolCount else { return nil }
    self.symbols = symbols
  }

  /// The code as its user is shown it.
  public var text: String {
    String(decoding: symbols[..<Self.groupCount], as: UTF8.self) + "-"
      + String(decoding: symbols[Self.groupCount...], as: UTF8.self)
  }

  /// What is kept of the code.
  ///
  /// - Parameter secret: The user's TOTP secret.
  /// - Returns: 32 bytes.
  public func mac(under secret: [UInt8]) -> [UInt8] {
    var key = secret.withUnsafeBytes {
      HKDF.derive(
        from: $0,
        purpose: Array("latchkey recovery codes".utf8),
        count: HMACSHA256.byteCount
      )
    }
    defer { wipe(&key) }
    return HMACSHA256(key: key).authenticate(symbols)
  }
}

extension RecoveryCode: CustomStringConvertible, CustomReflectable {
  /// The kind only.
  public var description: String { "RecoveryCode(redacted)" }

  /// Shows no children, so that `dump` does not print the code.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
