public import Primitives

/// JSON text being written, straight to UTF-8 bytes; there is no tree in between.
///
/// The caller calls in the order of the text: ``beginObject()``, ``key(_:)``, a value, and so on. The
/// commas are set here.
public struct JSONText {
  /// The text so far.
  public var bytes: [UInt8]

  /// An empty text with room for `capacity` bytes.
  public init(capacity: Int = 512) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  /// Starts an object as a value.
  public mutating func beginObject() {
    separate()
    bytes.append(UInt8(ascii: "{"))
  }

  /// Ends the innermost object.
  public mutating func endObject() { bytes.append(UInt8(ascii: "}")) }

  /// Starts an array as a value.
  public mutating func beginArray() {
    separate()
    bytes.append(UInt8(ascii: "["))
  }

  /// Ends the innermost array.
  public mutating func endArray() { bytes.append(UInt8(ascii: "]")) }

  /// Writes a member's name, which must need no escaping.
  public mutating func key(_ name: StaticString) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    bytes.append(
      contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    )
    bytes.append(UInt8(ascii: "\""))
    bytes.append(UInt8(ascii: ":"))
  }

  /// Writes a member's name, with whatever escaping it needs.
  public mutating func key(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
  }

  /// Writes a name with the comma before it, as of a member that is not the first.
  mutating func member(_ name: String) {
    bytes.append(UInt8(ascii: ","))
    bytes.append(UInt8(ascii: "\""))
    var name = name
    name.withUTF8 { escape(UnsafeRawBufferPointer($0)) }
    bytes.append(UInt8(ascii: "\""))
    bytes.append(UInt8(ascii: ":"))
  }

  /// Writes `null`.
  public mutating func null() { verbatim("null") }

  /// Writes a boolean.
  public mutating func bool(_ value: Bool) { verbatim(value ? "true" : "false") }

  /// Writes an integer.
  public mutating func integer(_ value: Int64) {
    separate()
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    digits(value.magnitude)
  }

  /// Writes an unsigned integer.
  public mutating func integer(_ value: UInt64) {
    separate()
    digits(value)
  }

  /// Writes a number in the shortest form that reads back the same; JSON has no infinity, so that
  /// becomes `null`.
  public mutating func number(_ value: Double) {
    guard value.isFinite else { return null() }
    separate()
    bytes.append(contentsOf: value.description.utf8)
  }

  /// Writes a number of single precision, as ``number(_:)`` does one of double.
  public mutating func number(_ value: Float) {
    guard value.isFinite else { return null() }
    separate()
    bytes.append(contentsOf: value.description.utf8)
  }

  /// Writes a moment in ISO 8601 with milliseconds and `Z`.
  public mutating func timestamp(_ moment: Timestamp) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    moment.append(to: &bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  /// Writes a string.
  public mutating func string(_ value: String) {
    var value = value
    value.withUTF8 { string(utf8: UnsafeRawBufferPointer($0)) }
  }

  /// Writes a string whose bytes are known to be valid UTF-8.
  public mutating func string(utf8: UnsafeRawBufferPointer) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    escape(utf8)
    bytes.append(UInt8(ascii: "\""))
  }

  /// Writes text that is already JSON, as one value.
  public mutating func raw(_ text: UnsafeRawBufferPointer) {
    separate()
    bytes.append(contentsOf: text)
  }

  /// Writes text that is already JSON, as one value.
  public mutating func verbatim(_ text: StaticString) {
    separate()
    bytes.append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    )
  }

  /// Sets the comma between this value or member and the one before it.
  ///
  /// The last byte tells: only after `{`, `[`, `:` and at the start nothing is to be separated. A `:` or
  /// bracket within a string is always followed by that string's closing quote.
  mutating func separate() {
    switch bytes.last {
    case nil, UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"): break
    default: bytes.append(UInt8(ascii: ","))
    }
  }

  private mutating func digits(_ value: UInt64) {
    if value < 10 {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value))
      return
    }
    // 20 digits hold any UInt64; they are made from the last one on.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
      var position = 20
      var rest = value
      while rest > 0 {
        let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
        position -= 1
        buffer.initializeElement(
          at: position,
          to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
        )
        rest = quotient
      }
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[position...]))
    }
  }

  /// Appends a string's bytes, runs that need no escape in one piece.
  private mutating func escape(_ utf8: UnsafeRawBufferPointer) {
    var start = 0
    var index = 0
    while index < utf8.count {
      let byte = utf8[index]
      if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        index += 1
        continue
      }
      if start < index {
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: utf8[start..<index]))
      }
      escape(byte)
      index += 1
      start = index
    }
    if start == 0 {
      bytes.append(contentsOf: utf8)
    } else if start < index {
      bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: utf8[start..<index]))
    }
  }

  private mutating func escape(_ byte: UInt8) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    default:
      let hex: StaticString = "0123456789abcdef"
      bytes.append(contentsOf: [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")])
      bytes.append(hex.utf8Start[Int(byte >> 4)])
      bytes.append(hex.utf8Start[Int(byte & 0xF)])
    }
  }
}
