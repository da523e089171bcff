/// A set of ASCII characters, as a bit each.
struct ByteSet: Sendable {
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  init(_ characters: StaticString, withAlphanumerics: Bool) {
    for index in 0..<characters.utf8CodeUnitCount { insert(characters.utf8Start[index]) }
    guard withAlphanumerics else { return }
    for byte in UInt8(ascii: "0")...UInt8(ascii: "9") { insert(byte) }
    for byte in UInt8(ascii: "A")...UInt8(ascii: "Z") { insert(byte) }
    for byte in UInt8(ascii: "a")...UInt8(ascii: "z") { insert(byte) }
  }

  private mutating func insert(_ byte: UInt8) {
    precondition(byte < 128, "ASCII only")
    if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte - 64) }
  }

  func contains(_ byte: UInt8) -> Bool {
    if byte < 64 { return low >> UInt64(byte) & 1 == 1 }
    return byte < 128 && high >> UInt64(byte - 64) & 1 == 1
  }

  func containsAll(_ bytes: UnsafeRawBufferPointer) -> Bool {
    for byte in bytes where !contains(byte) { return false }
    return true
  }

  /// What a method or a field name may consist of.
  ///
  /// Source: RFC 9110, section 5.6.2.
  static let token = ByteSet("!#$%&'*+-.^_`|~", withAlphanumerics: true)
  /// What a host with its port may consist of, IPv6 brackets included, user names (`@`) not.
  ///
  /// Source: RFC 3986, sections 3.2.2 and 3.2.3.
  static let authority = ByteSet("-._~!$&'()*+;=%[]:", withAlphanumerics: true)
}

extension UnsafeRawBufferPointer {
  /// Whether the bytes are this text; ASCII letters of either case are the same.
  func isText(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    for index in 0..<count where self[index].lowercased != text.utf8Start[index] { return false }
    return true
  }

  /// The part without spaces and tabs at its ends.
  ///
  /// Source: RFC 9110, section 5.6.3.
  var trimmed: UnsafeRawBufferPointer {
    var start = 0
    var end = count
    while start < end, self[start].isBlank { start += 1 }
    while end > start, self[end - 1].isBlank { end -= 1 }
    return part(start..<end)
  }

  /// A part of the bytes with indices of its own.
  func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[range])
  }
}

extension UInt8 {
  /// The lower-case letter of an ASCII letter; any other byte itself.
  var lowercased: UInt8 {
    self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self
  }

  /// Whether this is a space or a tab.
  var isBlank: Bool { self == 0x20 || self == 0x09 }
}
