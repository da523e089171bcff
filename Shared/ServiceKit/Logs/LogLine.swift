internal import Primitives

/// One log line being written: a JSON object, closed by a newline, behind lines that are written already.
struct LogLine {
  /// The longest text kept of one value; what is longer is cut, since hostile input ends up in logs.
  static let valueBytesMax = 8 * 1024

  private(set) var bytes: [UInt8] = []

  /// Whether no line came before.
  let wasEmpty: Bool

  init(_ lines: consuming [UInt8] = []) {
    bytes = lines
    wasEmpty = bytes.isEmpty
    if wasEmpty { bytes.reserveCapacity(512) }
    bytes.append(UInt8(ascii: "{"))
  }

  /// Adds a member whose value is a text.
  mutating func add(_ name: String, _ text: String) {
    beginMember(name)
    appendString(text)
  }

  /// Adds a member whose value is made by `body`.
  mutating func add(_ name: String, _ body: (inout LogLine) -> Void) {
    beginMember(name)
    body(&self)
  }

  /// Closes the object and the line.
  mutating func finish() {
    bytes.append(UInt8(ascii: "}"))
    bytes.append(UInt8(ascii: "\n"))
  }

  /// Adds a value that is JSON already.
  mutating func append(raw text: String) { bytes.append(contentsOf: text.utf8) }

  mutating func appendObject(_ body: (inout LogLine) -> Void) {
    bytes.append(UInt8(ascii: "{"))
    body(&self)
    bytes.append(UInt8(ascii: "}"))
  }

  mutating func appendArray<Element>(
    _ elements: [Element],
    _ body: (inout LogLine, Element) -> Void
  ) {
    bytes.append(UInt8(ascii: "["))
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      body(&self, element)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  /// Adds a JSON string, escaped so that a line of log is always one line.
  ///
  /// Nearly all of a text stays as it is, so what lies between two characters to escape is copied at once.
  ///
  /// Source: RFC 8259, section 7. U+2028 and U+2029 need no escape in JSON.
  mutating func appendString(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    text.utf8Span.span.withUnsafeBufferPointer { text in
      let end = LogLine.end(of: text)
      var copied = 0
      var position = 0
      while position < end {
        guard let (escape, length) = LogLine.escape(at: position, of: text) else {
          position += 1
          continue
        }
        bytes.append(contentsOf: text[copied..<position])
        append(escape)
        position += length
        copied = position
      }
      bytes.append(contentsOf: text[copied..<end])
      if end < text.count { append(raw: " (cut)") }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// How much of a text is kept: no more than ``valueBytesMax``, and no part of a character.
  private static func end(of text: UnsafeBufferPointer<UInt8>) -> Int {
    guard text.count > valueBytesMax else { return text.count }
    var end = valueBytesMax
    while end > 0, text[end] & 0xc0 == 0x80 { end -= 1 }
    return end
  }

  private enum Escape {
    /// A backslash and one more character.
    case short(UInt8)
    /// The last two of four digits.
    case code(UInt8)
  }

  /// What stands for the character at a position, and how many bytes it has; nil where it stands for itself.
  private static func escape(
    at position: Int,
    of text: UnsafeBufferPointer<UInt8>
  ) -> (Escape, length: Int)? {
    let byte = text[position]
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): return (.short(byte), 1)
    case UInt8(ascii: "\n"): return (.short(UInt8(ascii: "n")), 1)
    case UInt8(ascii: "\r"): return (.short(UInt8(ascii: "r")), 1)
    case UInt8(ascii: "\t"): return (.short(UInt8(ascii: "t")), 1)
    case 0..<0x20, 0x7f: return (.code(byte), 1)
    case 0xc2:
      // Terminals act on control characters, so the C1 ones (U+0080 to U+009F) are escaped as well.
      let next = text[position + 1]
      return next < 0xa0 ? (.code(next), 2) : nil
    default: return nil
    }
  }

  private mutating func append(_ escape: Escape) {
    bytes.append(UInt8(ascii: "\\"))
    switch escape {
    case .short(let character): bytes.append(character)
    case .code(let number):
      append(raw: "u00")
      bytes.append(Hex.digit(number >> 4))
      bytes.append(Hex.digit(number & 0x0f))
    }
  }

  private mutating func beginMember(_ name: String) {
    if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
    appendString(name)
    bytes.append(UInt8(ascii: ":"))
  }
}
