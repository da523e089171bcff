/// Reads IPv4 in all spellings that resolvers and browsers take: decimal, hexadecimal, octal, and with fewer than four
/// parts.
///
/// A resolver would take `0x7f.1` for 127.0.0.1, so a rule that only knows dotted decimals is passed by it.
/// Source: WHATWG URL Standard, "IPv4 parser" and "ends-in-a-number checker".
enum IPv4Spelling {
  /// Whether a host is meant as a number, so that it is an IPv4 address or nothing.
  static func isNumber(_ host: String) -> Bool {
    guard let last = host.split(separator: ".", omittingEmptySubsequences: false).last else {
      return false
    }
    return !last.isEmpty
      && (last.utf8.allSatisfy { (0x30...0x39).contains($0) } || number(last) != nil)
  }

  /// Reads the address of a host in lower case; nil when it is none.
  static func address(_ host: String) -> IPAddress? {
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...4).contains(parts.count) else { return nil }
    var value: UInt64 = 0
    for (index, part) in parts.enumerated() {
      guard let number = number(part) else { return nil }
      let isLast = index == parts.count - 1
      // The last part fills all bytes that the ones before have left.
      let bits = isLast ? 8 * (5 - parts.count) : 8
      guard number < 1 << UInt64(bits) else { return nil }
      value = value << UInt64(bits) | number
    }
    return IPAddress(ipv4: UInt32(value))
  }

  /// Reads a number that is hexadecimal after `0x`, octal after `0`, else decimal; at most 32 bits count.
  private static func number(_ text: Substring) -> UInt64? {
    guard !text.isEmpty else { return nil }
    var digits = text.utf8[...]
    var radix: UInt64 = 10
    if text.hasPrefix("0x") {
      digits = digits.dropFirst(2)
      radix = 16
    } else if text.utf8.count > 1, text.hasPrefix("0") {
      digits = digits.dropFirst()
      radix = 8
    }
    var value: UInt64 = 0
    for digit in digits {
      let digitValue: UInt64
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digitValue = UInt64(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"):
        digitValue = UInt64(digit - UInt8(ascii: "a")) + 10
      default: return nil
      }
      guard digitValue < radix else { return nil }
      // Stays far below the limit of 64 bits, and beyond that of 32 there is no address.
      value = min(value * radix + digitValue, 1 << 40)
    }
    return value
  }
}
