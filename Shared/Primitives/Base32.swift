/// Base 32 with the letters and the digits 2 to 7, as authenticators read secrets: in upper case, without padding.
///
/// Source: RFC 4648, section 6.
public enum Base32 {
  private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

  /// Writes bytes as text, most significant bit first; a last incomplete symbol is filled with zero bits.
  public static func encode(_ bytes: [UInt8]) -> String {
    var symbols: [UInt8] = []
    symbols.reserveCapacity((bytes.count * 8 + 4) / 5)
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      bitCount += 8
      while bitCount >= 5 {
        bitCount -= 5
        symbols.append(symbol(bits >> bitCount))
      }
      bits &= 1 << bitCount - 1
    }
    if bitCount > 0 { symbols.append(symbol(bits << (5 - bitCount))) }
    return String(decoding: symbols, as: UTF8.self)
  }

  private static func symbol(_ value: UInt32) -> UInt8 { alphabet.utf8Start[Int(value & 0x1f)] }
}
