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
  /// Source: RFC 8259, section 7. U+2028 and U+2029 need no escape in JSON.
  mutating func appendString(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    var count = 0
    for scalar in text.unicodeScalars {
      count += UTF8.width(scalar)
      if count > LogLine.valueBytesMax {
        bytes.append(contentsOf: " (cut)".utf8)
        break
      }
      append(scalar)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func append(_ scalar: UnicodeScalar) {
    switch scalar {
    case "\"", "\\":
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(UInt8(truncatingIfNeeded: scalar.value))
    case "\n":
      bytes.append(contentsOf: "\\n".utf8)
    case "\r":
      bytes.append(contentsOf: "\\r".utf8)
    case "\t":
      bytes.append(contentsOf: "\\t".utf8)
    case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
      // Terminals act on control characters, so the C1 ones are escaped as well.
      let digits = String(scalar.value, radix: 16)
      bytes.append(contentsOf: "\\u".utf8)
      bytes.append(contentsOf: String(repeating: "0", count: 4 - digits.count).utf8)
      bytes.append(contentsOf: digits.utf8)
    default:
      bytes.append(contentsOf: String(scalar).utf8)
    }
  }

  private mutating func beginMember(_ name: String) {
    if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
    appendString(name)
    bytes.append(UInt8(ascii: ":"))
  }
}
