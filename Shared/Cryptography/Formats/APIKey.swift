public import Primitives

/// An API key: `lk_test_` or `lk_live_`, 30 random base-62 characters (178 bits), and 6 more that are
/// the CRC-32 of all before them.
///
/// The checksum refuses a typing error or an invented key without asking the database, and lets
/// secret scanners tell a key from a look-alike. It proves nothing about who made the key.
public struct APIKey: Sendable, Hashable {
  /// The data set the key gives access to.
  public let environment: Environment
  /// The whole key.
  ///
  /// Shown once, when it is made, and stored nowhere.
  public let text: String

  /// The number of characters of every key.
  public static let characterCount = prefixByteCount + randomCount + checksumCount
  private static let prefixByteCount = 8
  private static let randomCount = 30
  private static let checksumCount = 6

  private init(environment: Environment, text: String) {
    self.environment = environment
    self.text = text
  }

  /// Makes a new key.
  public static func generate(_ environment: Environment) -> APIKey {
    var bytes = Array(prefix(of: environment).utf8)
    let wanted = bytes.count + randomCount
    while bytes.count < wanted {
      // 248 is the largest multiple of 62 in a byte: beyond it, some characters would be likelier.
      for byte in SecureRandom.bytes(wanted - bytes.count) where byte < 248 {
        bytes.append(Base62.character(byte % Base62.radix))
      }
    }
    Base62.append(UInt64(CRC32.checksum(bytes)), width: checksumCount, to: &bytes)
    return APIKey(environment: environment, text: String(decoding: bytes, as: UTF8.self))
  }

  /// Reads a key.
  ///
  /// - Parameter text: What a caller sent, of any length and content.
  /// - Returns: The key, which may still be unknown or revoked; nil when the prefix, the length, a
  ///   character or the checksum is wrong.
  public static func parse(_ text: String) -> APIKey? {
    guard text.utf8.count == characterCount else { return nil }
    var readable = text
    let environment: Environment? = readable.withUTF8 { bytes in
      guard let named = Self.environment(ofPrefix: bytes[..<prefixByteCount]) else { return nil }
      let split = characterCount - checksumCount
      guard bytes[prefixByteCount..<split].allSatisfy({ Base62.value(of: $0) != nil }) else {
        return nil
      }
      var stated: UInt64 = 0
      for character in bytes[split...] {
        guard let value = Base62.value(of: character) else { return nil }
        stated = stated * UInt64(Base62.radix) + UInt64(value)
      }
      return stated == UInt64(CRC32.checksum(bytes[..<split])) ? named : nil
    }
    return environment.map { APIKey(environment: $0, text: text) }
  }

  /// The SHA-256 of the text: what is stored and looked up.
  ///
  /// A plain hash is enough, since nobody can try out 178 random bits.
  public var hash: [UInt8] { SHA256.hash(text) }

  /// The beginning that may be shown to recognize a key by: prefix and four characters.
  public var hint: String { String(text.prefix(Self.prefixByteCount + 4)) }

  private static func prefix(of environment: Environment) -> StaticString {
    switch environment {
    case .test: "lk_test_"
    case .live: "lk_live_"
    }
  }

  private static func environment(
    ofPrefix bytes: Slice<UnsafeBufferPointer<UInt8>>
  ) -> Environment? {
    Environment.allCases.first { bytes.elementsEqual(prefix(of: $0).utf8) }
  }
}

extension StaticString {
  /// The bytes of the literal, without making a `String`.
  fileprivate var utf8: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
  }
}

extension APIKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The hint only.
  public var description: String { "APIKey(\(hint)…)" }

  /// The same as ``description``.
  public var debugDescription: String { description }

  /// Shows no children, so that `dump` does not print the key.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
