public import Faults
internal import Primitives

/// A license key: `PREFIX-XXXX-XXXX-XXXX-XXXX`, where the 16 symbols are 80 random bits in Crockford's
/// base 32.
///
/// People type license keys, so they are looked up in canonical form: upper case, and in the four
/// groups I and L read as 1 and O as 0 (the prefix is made of letters and keeps them).
public struct LicenseKey: Sendable, Hashable {
  /// The key in canonical form, ASCII.
  public let text: String

  /// How many letters a prefix has.
  public static let prefixLetters = 2...10
  /// The longest canonical key.
  public static let characterCountMax = prefixLetters.upperBound + groupCount * (groupSize + 1)
  private static let groupCount = 4
  private static let groupSize = 4

  private init(canonical text: String) {
    self.text = text
  }

  /// Makes a new key at random.
  ///
  /// - Parameter prefix: The product's prefix.
  /// - Returns: A key that nobody has seen.
  /// - Throws: ``Fault`` `invalidArgument` unless the prefix is 2 to 10 letters A to Z.
  public static func generate(prefix: String) throws(Fault) -> LicenseKey {
    guard isPrefix(prefix) else {
      throw .invalid([
        Fault.Issue(
          path: ["keyPrefix"],
          message: "Must be 2 to 10 upper-case letters",
          code: "invalid_string"
        )
      ])
    }
    var bytes = Array(prefix.utf8)
    bytes.reserveCapacity(characterCountMax)
    let symbols = CrockfordBase32.encode(SecureRandom.bytes(10))
    for (index, symbol) in symbols.enumerated() {
      if index.isMultiple(of: groupSize) { bytes.append(UInt8(ascii: "-")) }
      bytes.append(symbol)
    }
    return LicenseKey(canonical: String(decoding: bytes, as: UTF8.self))
  }

  /// Reads a key of our form, as typed.
  ///
  /// - Returns: The key in canonical form; nil when the text has another form, as imported keys may.
  public static func parse(_ text: String) -> LicenseKey? {
    withCanonicalBytes(of: text) { canonical in
      canonical.map { LicenseKey(canonical: String(decoding: $0, as: UTF8.self)) }
    }
  }

  /// Whether a text can be a product's prefix: 2 to 10 letters A to Z.
  public static func isPrefix(_ text: String) -> Bool {
    prefixLetters.contains(text.utf8.count)
      && text.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
  }

  /// The prefix.
  public var prefix: String { String(text.prefix { $0 != "-" }) }

  /// The SHA-256 of the canonical form: what is stored for keys that we made.
  public var hash: [UInt8] { SHA256.hash(text) }

  /// Calls `body` with the canonical form of a text, or nil, without allocating memory.
  static func withCanonicalBytes<Result>(
    of text: String,
    _ body: (UnsafeBufferPointer<UInt8>?) -> Result
  ) -> Result {
    var text = text
    return text.withUTF8 { withCanonicalBytes(of: $0, body) }
  }

  /// Calls `body` with the canonical form of a text in UTF-8, or nil where it has another form, without allocating
  /// memory.
  public static func withCanonicalBytes<Result>(
    of typed: UnsafeBufferPointer<UInt8>,
    _ body: (UnsafeBufferPointer<UInt8>?) -> Result
  ) -> Result {
    guard typed.count <= characterCountMax else { return body(nil) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: characterCountMax) { canonical in
      let isCanonical = canonicalize(typed, into: canonical)
      return body(isCanonical ? UnsafeBufferPointer(rebasing: canonical[..<typed.count]) : nil)
    }
  }

  /// Writes the canonical form, which is as long as the text; false when the text has another form.
  private static func canonicalize(
    _ typed: UnsafeBufferPointer<UInt8>,
    into canonical: UnsafeMutableBufferPointer<UInt8>
  ) -> Bool {
    guard let letters = typed.firstIndex(of: UInt8(ascii: "-")), prefixLetters.contains(letters),
      typed.count == letters + groupCount * (groupSize + 1)
    else { return false }
    for index in typed.indices {
      let symbol: UInt8?
      if index < letters {
        symbol = upperCaseLetter(typed[index])
      } else if (index - letters).isMultiple(of: groupSize + 1) {
        symbol = typed[index] == UInt8(ascii: "-") ? typed[index] : nil
      } else {
        symbol = CrockfordBase32.folded(typed[index])
      }
      guard let symbol else { return false }
      canonical.initializeElement(at: index, to: symbol)
    }
    return true
  }

  private static func upperCaseLetter(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte
    case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - (UInt8(ascii: "a") - UInt8(ascii: "A"))
    default: nil
    }
  }
}

extension LicenseKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The prefix only.
  public var description: String { "LicenseKey(\(prefix)-…)" }

  /// The same as ``description``.
  public var debugDescription: String { description }

  /// Shows no children, so that `dump` does not print the key.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
