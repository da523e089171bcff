/// Base 62: digits, upper-case letters, lower-case letters, in this order; safe in any context and
/// selected by one double click.
public enum Base62 {
  /// How many characters there are.
  public static let radix: UInt8 = 62

  /// The character of a value below 62.
  public static func character(_ value: UInt8) -> UInt8 {
    precondition(value < radix, "not a base-62 digit")
    return alphabet.utf8Start[Int(value)]
  }

  private static let alphabet: StaticString =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

  /// The value of an ASCII character, or nil.
  public static func value(of character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 36
    default: nil
    }
  }

  /// Appends a number as exactly `width` characters, with leading zeros.
  ///
  /// - Precondition: The number is below 62 to the power of `width`.
  public static func append(_ number: UInt64, width: Int, to output: inout [UInt8]) {
    let start = output.count
    output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: width))
    var rest = number
    for index in stride(from: start + width - 1, through: start, by: -1) {
      output[index] = character(UInt8(rest % UInt64(radix)))
      rest /= UInt64(radix)
    }
    precondition(rest == 0, "the number needs more than \(width) base-62 digits")
  }
}
