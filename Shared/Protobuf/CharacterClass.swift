/// A set of ASCII characters, as the `pattern` option gives it.
public struct CharacterClass: Sendable, Equatable {
  /// The class as the contract writes it, such as `[A-Za-z0-9_-]`; part of messages and of OpenAPI.
  public let text: String
  /// One bit for each of the characters 0 to 63, and one for each of 64 to 127.
  let bits: (low: UInt64, high: UInt64)

  /// Makes a class from its text and the bits of its characters, which the generator worked out.
  public init(_ text: String, low: UInt64, high: UInt64) {
    self.text = text
    bits = (low, high)
  }

  /// Whether the class has the character with this byte.
  public func contains(_ byte: UInt8) -> Bool { Self.contains(byte, bits) }

  @inline(__always)
  static func contains(_ byte: UInt8, _ bits: (low: UInt64, high: UInt64)) -> Bool {
    switch byte {
    case 0..<64: bits.low & (1 << UInt64(byte)) != 0
    case 64..<128: bits.high & (1 << UInt64(byte - 64)) != 0
    default: false
    }
  }

  /// Whether both are the same text.
  public static func == (first: CharacterClass, second: CharacterClass) -> Bool {
    first.text == second.text
  }
}
