/// A set of ASCII characters, as the `pattern` option gives it.
public struct CharacterClass: Sendable, Equatable {
  /// The class as the contract writes it, such as `[A-Za-z0-9_-]`; part of messages and of OpenAPI.
  public let text: String
  /// One bit for each of the characters 0 to 63.
  private let low: UInt64
  /// One bit for each of the characters 64 to 127.
  private let high: UInt64

  /// Makes a class from its text and the bits of its characters, which the generator worked out.
  public init(_ text: String, low: UInt64, high: UInt64) {
    self.text = text
    self.low = low
    self.high = high
  }

  /// Whether the class has the character with this byte.
  public func contains(_ byte: UInt8) -> Bool {
    switch byte {
    case 0..<64: low & (1 << UInt64(byte)) != 0
    case 64..<128: high & (1 << UInt64(byte - 64)) != 0
    default: false
    }
  }
}
