extension UnsafeBufferPointer<UInt8> {
  /// How many code points a UTF-8 text has: each has exactly one byte that is no continuation (10xxxxxx).
  var codePointCount: Int {
    reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
  }

  /// Whether the text is a UUID: 8-4-4-4-12 hexadecimal digits in lower case.
  var isUUID: Bool {
    guard count == 36 else { return false }
    for (index, byte) in enumerated() {
      switch (index, byte) {
      case (8, _), (13, _), (18, _), (23, _):
        guard byte == UInt8(ascii: "-") else { return false }
      case (_, UInt8(ascii: "0")...UInt8(ascii: "9")), (_, UInt8(ascii: "a")...UInt8(ascii: "f")):
        continue
      default: return false
      }
    }
    return true
  }

  /// Whether the text has the shape of an e-mail address: one `@` with something before it and a dotted
  /// domain after it, at most 254 bytes, no blank and no control character.
  ///
  /// No stricter: only a message that arrives proves an address. Source for the length: RFC 5321, 4.5.3.1.3.
  var isEmailAddress: Bool {
    guard count <= 254, let at = firstIndex(of: UInt8(ascii: "@")), at > 0 else { return false }
    let local = self[..<at]
    let domain = self[(at + 1)...]
    guard local.count <= 64, !domain.contains(UInt8(ascii: "@")) else { return false }
    guard allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return false }
    let labels = domain.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return labels.count >= 2 && labels.allSatisfy { !$0.isEmpty && $0.count <= 63 }
  }
}
