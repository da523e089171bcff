/// Base 64, strict: one text for each sequence of bytes, so that what is compared or signed as text
/// cannot be rewritten.
///
/// Source: RFC 4648, sections 3.5, 4 and 5.
public enum Base64 {
  /// Which two characters stand beside letters and digits.
  public enum Alphabet: Sendable {
    /// `+` and `/`.
    case standard
    /// `-` and `_`, for addresses and file names.
    case url
  }

  /// Whether `=` fills the last group of four.
  public enum Padding: Sendable {
    /// It must be there; it is written.
    case required
    /// It must not be there; it is not written.
    case absent
    /// It may be there when read, all of it or none (gRPC's binary metadata); it is not written.
    case optional
  }

  /// Writes bytes as text.
  ///
  /// - Parameters:
  ///   - bytes: What to write.
  ///   - alphabet: The standard one unless given.
  ///   - padding: Required in the standard alphabet and absent in the URL alphabet unless given.
  /// - Returns: ASCII text.
  public static func encode(
    _ bytes: [UInt8],
    alphabet: Alphabet = .standard,
    padding: Padding? = nil
  ) -> String {
    let isPadded = (padding ?? alphabet.usualPadding) == .required
    return String(unsafeUninitializedCapacity: count(of: bytes, isPadded: isPadded)) { buffer in
      write(bytes, to: buffer, alphabet, isPadded: isPadded)
    }
  }

  /// Writes bytes as ``encode(_:alphabet:padding:)`` does, in the standard alphabet with padding, as ASCII bytes.
  public static func ascii(_ bytes: [UInt8]) -> [UInt8] {
    let count = count(of: bytes, isPadded: true)
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = write(bytes, to: buffer, .standard, isPadded: true)
    }
  }

  private static func count(of bytes: [UInt8], isPadded: Bool) -> Int {
    let (groups, rest) = bytes.count.quotientAndRemainder(dividingBy: 3)
    return groups * 4 + (rest == 0 ? 0 : isPadded ? 4 : rest + 1)
  }

  /// - Returns: How many characters were written.
  private static func write(
    _ bytes: [UInt8],
    to output: UnsafeMutableBufferPointer<UInt8>,
    _ alphabet: Alphabet,
    isPadded: Bool
  ) -> Int {
    let characters = alphabet.characters.utf8Start
    func character(_ value: UInt32) -> UInt32 { UInt32(characters[Int(value & 0x3f)]) }
    return bytes.withUnsafeBytes { bytes in
      let groups = UnsafeMutableRawBufferPointer(output)
      var position = 0
      var index = 0
      // Three bytes are read as the first of four, and become four characters that are written as one number.
      while bytes.count - index >= 4 {
        let group = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
        let text =
          character(group >> 26) << 24 | character(group >> 20) << 16 | character(group >> 14) << 8
          | character(group >> 8)
        groups.storeBytes(of: text.bigEndian, toByteOffset: position, as: UInt32.self)
        index += 3
        position += 4
      }
      let rest = bytes.count - index
      guard rest > 0 else { return position }
      var group: UInt32 = 0
      for offset in 0..<3 {
        group = group << 8 | (offset < rest ? UInt32(bytes[index + offset]) : 0)
      }
      for place in 0...rest {
        let value = character(group >> UInt32(18 - 6 * place))
        output.initializeElement(at: position, to: UInt8(truncatingIfNeeded: value))
        position += 1
      }
      while isPadded, position % 4 != 0 {
        output.initializeElement(at: position, to: UInt8(ascii: "="))
        position += 1
      }
      return position
    }
  }

  /// Reads text; a foreign character, a wrong length, wrong padding or stray bits give nil.
  public static func decode(
    _ text: String,
    alphabet: Alphabet = .standard,
    padding: Padding? = nil
  ) -> [UInt8]? {
    var text = text
    return text.withUTF8 {
      decode(UnsafeRawBufferPointer($0), alphabet: alphabet, padding: padding)
    }
  }

  /// Reads ASCII text; a foreign character, a wrong length, wrong padding or stray bits give nil.
  public static func decode(
    _ text: UnsafeRawBufferPointer,
    alphabet: Alphabet = .standard,
    padding: Padding? = nil
  ) -> [UInt8]? {
    var count = text.count
    while count > 0, text.count - count < 2, text[count - 1] == UInt8(ascii: "=") { count -= 1 }
    let fill = text.count - count
    let isPadded = fill > 0
    switch padding ?? alphabet.usualPadding {
    case .required: guard text.count.isMultiple(of: 4) else { return nil }
    case .absent: guard !isPadded else { return nil }
    case .optional: guard !isPadded || text.count.isMultiple(of: 4) else { return nil }
    }
    // One character alone holds six bits, less than a byte.
    guard count % 4 != 1 else { return nil }

    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * 3 / 4)
    var bits: UInt32 = 0
    var bitCount = 0
    for index in 0..<count {
      guard let value = alphabet.value(of: text[index]) else { return nil }
      bits = bits << 6 | UInt32(value)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
      }
    }
    guard bits & (1 << bitCount - 1) == 0 else { return nil }
    return bytes
  }
}

extension Base64.Alphabet {
  fileprivate var usualPadding: Base64.Padding { self == .standard ? .required : .absent }

  /// All 64 characters, in the order of their values.
  fileprivate var characters: StaticString {
    switch self {
    case .standard: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    case .url: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    }
  }

  fileprivate func value(of character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): self == .standard ? 62 : nil
    case UInt8(ascii: "/"): self == .standard ? 63 : nil
    case UInt8(ascii: "-"): self == .url ? 62 : nil
    case UInt8(ascii: "_"): self == .url ? 63 : nil
    default: nil
    }
  }
}
