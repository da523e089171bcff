/// Douglas Crockford's base 32: digits and upper-case letters without I, L, O and U, so that people
/// can read it out and type it.
///
/// Source: https://www.crockford.com/base32.html
public enum CrockfordBase32 {
  /// How many bits a symbol holds.
  public static let bitsPerSymbol = 5

  private static let alphabet: StaticString = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

  /// The symbol of the low five bits of a value.
  public static func symbol(_ value: UInt8) -> UInt8 {
    alphabet.utf8Start[Int(value & 0x1f)]
  }

  /// The value of a symbol in either case, without look-alikes; nil for any other character.
  public static func value(of symbol: UInt8) -> UInt8? {
    let isLower = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(symbol)
    let symbol = isLower ? symbol - 32 : symbol
    switch symbol {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return symbol - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "H"): return symbol - UInt8(ascii: "A") + 10
    case UInt8(ascii: "J"), UInt8(ascii: "K"): return symbol - UInt8(ascii: "J") + 18
    case UInt8(ascii: "M"), UInt8(ascii: "N"): return symbol - UInt8(ascii: "M") + 20
    case UInt8(ascii: "P")...UInt8(ascii: "T"): return symbol - UInt8(ascii: "P") + 22
    case UInt8(ascii: "V")...UInt8(ascii: "Z"): return symbol - UInt8(ascii: "V") + 27
    default: return nil
    }
  }

  /// The symbol a typed character means: upper case, with I and L read as 1 and O as 0.
  ///
  /// - Returns: The symbol, or nil for U and everything outside letters and digits.
  public static func folded(_ character: UInt8) -> UInt8? {
    let isLower = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character)
    let upper = isLower ? character - 32 : character
    switch upper {
    case UInt8(ascii: "I"), UInt8(ascii: "L"): return UInt8(ascii: "1")
    case UInt8(ascii: "O"): return UInt8(ascii: "0")
    case UInt8(ascii: "U"): return nil
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): return upper
    default: return nil
    }
  }

  /// Writes bytes as symbols, most significant bit first; a last incomplete symbol is filled with
  /// zero bits.
  public static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var symbols: [UInt8] = []
    symbols.reserveCapacity((bytes.count * 8 + bitsPerSymbol - 1) / bitsPerSymbol)
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      bitCount += 8
      while bitCount >= bitsPerSymbol {
        bitCount -= bitsPerSymbol
        symbols.append(symbol(UInt8(truncatingIfNeeded: bits >> bitCount)))
      }
      bits &= 1 << bitCount - 1
    }
    if bitCount > 0 {
      symbols.append(symbol(UInt8(truncatingIfNeeded: bits << (bitsPerSymbol - bitCount))))
    }
    return symbols
  }
}
