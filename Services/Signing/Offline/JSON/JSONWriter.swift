internal import Primitives

/// Writes one JSON object member by member, without white space, in the order of the calls.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []

  /// The object that `body` writes; most of ours fit the capacity.
  static func object(capacity: Int = 1_024, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    writer.bytes.reserveCapacity(capacity)
    writer.object(body)
    return writer.bytes
  }

  private mutating func object(_ body: (inout JSONWriter) -> Void) {
    bytes.append(UInt8(ascii: "{"))
    body(&self)
    bytes.append(UInt8(ascii: "}"))
  }

  mutating func member(_ name: StaticString, _ text: String?) {
    begin(name)
    if let text { string(text) } else { null() }
  }

  mutating func member(_ name: StaticString, _ number: Int64?) {
    begin(name)
    if let number { bytes += "\(number)".utf8 } else { null() }
  }

  mutating func member(_ name: StaticString, _ truth: Bool) {
    begin(name)
    bytes += (truth ? "true" : "false").utf8
  }

  mutating func member(_ name: StaticString, _ moment: Timestamp?) {
    begin(name)
    guard let moment else { return null() }
    quoted { moment.append(to: &$0) }
  }

  mutating func member(_ name: StaticString, _ id: UUID?) {
    begin(name)
    guard let id else { return null() }
    quoted { id.append(to: &$0) }
  }

  mutating func member(_ name: StaticString, _ texts: [String]) {
    begin(name)
    list(texts) { $0.string($1) }
  }

  mutating func member(_ name: StaticString, _ numbers: [Int64]) {
    begin(name)
    list(numbers) { $0.bytes += "\($1)".utf8 }
  }

  /// A list of objects, each written by `body`.
  mutating func member<Element>(
    _ name: StaticString,
    objects elements: [Element],
    _ body: (inout JSONWriter, Element) -> Void
  ) {
    begin(name)
    list(elements) { writer, element in writer.object { body(&$0, element) } }
  }

  /// A value that is JSON already.
  mutating func member(_ name: StaticString, json: [UInt8]) {
    begin(name)
    bytes += json
  }

  /// Names of ours need no escape.
  private mutating func begin(_ name: StaticString) {
    if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
    quoted {
      $0.append(
        contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
      )
    }
    bytes.append(UInt8(ascii: ":"))
  }

  /// A string whose characters are appended by `body` and need no escape.
  private mutating func quoted(_ body: (inout [UInt8]) -> Void) {
    bytes.append(UInt8(ascii: "\""))
    body(&bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func null() { bytes += "null".utf8 }

  private mutating func list<Element>(
    _ elements: [Element],
    _ body: (inout JSONWriter, Element) -> Void
  ) {
    bytes.append(UInt8(ascii: "["))
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      body(&self, element)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  private mutating func string(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { characters in
      // Most texts need no escape, and are copied at once.
      guard characters.contains(where: Self.needsEscape) else {
        return bytes.append(contentsOf: characters)
      }
      for byte in characters {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case 0..<0x20: bytes += "\\u00".utf8 + [Hex.digit(byte >> 4), Hex.digit(byte)]
        default: bytes.append(byte)
        }
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }
}
