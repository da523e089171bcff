/// Base 16: two digits a byte.
///
/// Source: RFC 4648, section 8.
public enum Hex {
  /// Writes bytes as lower-case digits.
  public static func encode(_ bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { encode($0) }
  }

  /// Writes bytes as lower-case digits.
  public static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
    String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
      for index in 0..<bytes.count {
        buffer.initializeElement(at: index * 2, to: digit(bytes[index] >> 4))
        buffer.initializeElement(at: index * 2 + 1, to: digit(bytes[index]))
      }
      return bytes.count * 2
    }
  }

  /// Appends bytes as lower-case ASCII digits.
  public static func append(_ bytes: [UInt8], to output: inout [UInt8]) {
    output.reserveCapacity(output.count + bytes.count * 2)
    for byte in bytes {
      output.append(digit(byte >> 4))
      output.append(digit(byte))
    }
  }

  /// Reads an even number of digits of either case; anything else gives nil.
  public static func decode(_ text: String) -> [UInt8]? {
    var text = text
    return text.withUTF8 { decode(UnsafeRawBufferPointer($0)) }
  }

  /// Reads an even number of ASCII digits of either case; anything else gives nil.
  public static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
    guard text.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2)
    for index in stride(from: 0, to: text.count, by: 2) {
      guard let upper = value(of: text[index]), let lower = value(of: text[index + 1]) else {
        return nil
      }
      bytes.append(upper << 4 | lower)
    }
    return bytes
  }

  /// The lower-case digit of the low four bits.
  public static func digit(_ value: UInt8) -> UInt8 {
    let value = value & 0x0f
    return value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value
  }

  /// The value of an ASCII digit of either case, or nil.
  public static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
