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

  mutating func member(_ name: String, _ text: String?) {
    begin(name)
    if let text { string(text) } else { null() }
  }

  mutating func member(_ name: String, _ number: Int64?) {
    begin(name)
    if let number { bytes += "\(number)".utf8 } else { null() }
  }

  mutating func member(_ name: String, _ truth: Bool) {
    begin(name)
    bytes += (truth ? "true" : "false").utf8
  }

  mutating func member(_ name: String, _ moment: Timestamp?) {
    member(name, moment?.iso8601)
  }

  mutating func member(_ name: String, _ id: UUID?) {
    member(name, id?.description)
  }

  mutating func member(_ name: String, _ texts: [String]) {
    begin(name)
    list(texts) { $0.string($1) }
  }

  mutating func member(_ name: String, _ numbers: [Int64]) {
    begin(name)
    list(numbers) { $0.bytes += "\($1)".utf8 }
  }

  /// A list of objects, each written by `body`.
  mutating func member<Element>(
    _ name: String,
    objects elements: [Element],
    _ body: (inout JSONWriter, Element) -> Void
  ) {
    begin(name)
    list(elements) { writer, element in writer.object { body(&$0, element) } }
  }

  /// A value that is JSON already.
  mutating func member(_ name: String, json: [UInt8]) {
    begin(name)
    bytes += json
  }

  private mutating func begin(_ name: String) {
    if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
    string(name)
    bytes.append(UInt8(ascii: ":"))
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
