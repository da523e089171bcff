/// The fields of an encoded protobuf message, one after the other, where they lie.
///
/// For the few messages that are read so often that making values of them is what they cost. Source: protobuf's
/// "Encoding": tags, varints, and bytes behind their length.
struct FieldReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset: Int
  private let end: Int
  /// Whether the bytes are no message.
  private(set) var isMalformed = false
  /// The field's number and, in the last three bits, its wire type.
  private(set) var tag: UInt64 = 0
  /// The value of a number.
  private(set) var number: UInt64 = 0
  /// Where the bytes of a text, of bytes or of a message are.
  private(set) var range = 0..<0

  /// Begins before the first field of the message in a range of the bytes.
  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    self.bytes = bytes
    offset = range.lowerBound
    end = range.upperBound
  }

  /// Goes on to the next field; false after the last one, and where the bytes are no message.
  mutating func next() -> Bool {
    guard offset < end else { return false }
    isMalformed = !readField()
    return !isMalformed
  }

  private mutating func readField() -> Bool {
    guard let tag = varint(), (1..<1 << 29).contains(tag >> 3) else { return false }
    self.tag = tag
    switch tag & 7 {
    case 0:
      guard let number = varint() else { return false }
      self.number = number
      return true
    case 1: return skip(8)
    case 2:
      guard let count = varint(), count <= UInt64(end - offset) else { return false }
      range = offset..<offset + Int(count)
      return skip(Int(count))
    case 5: return skip(4)
    // Groups are in none of our messages.
    default: return false
    }
  }

  private mutating func skip(_ count: Int) -> Bool {
    guard count <= end - offset else { return false }
    offset += count
    return true
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while offset < end {
      let byte = bytes[offset]
      offset += 1
      // The tenth byte has the last bit of 64.
      if shift == 63, byte > 1 { return nil }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }
}

extension [UInt8] {
  /// Appends a field with a number.
  mutating func append(tag: UInt8, number: UInt64) {
    append(tag)
    append(varint: number)
  }

  /// Appends a field with a text, bytes or a message.
  mutating func append(tag: UInt8, bytes: UnsafeRawBufferPointer) {
    append(tag)
    append(varint: UInt64(bytes.count))
    append(contentsOf: bytes)
  }

  /// Appends a field with what `write` appends, at most 256 MiB.
  ///
  /// The length has four bytes however small it is, which every reader takes, so that it can be filled in afterwards.
  mutating func append(tag: UInt8, _ write: (inout [UInt8]) -> Void) {
    append(tag)
    let start = count
    append(contentsOf: (0x80, 0x80, 0x80, 0x00))
    write(&self)
    let length = count - start - 4
    self[start] |= UInt8(truncatingIfNeeded: length & 0x7f)
    self[start + 1] |= UInt8(truncatingIfNeeded: length >> 7 & 0x7f)
    self[start + 2] |= UInt8(truncatingIfNeeded: length >> 14 & 0x7f)
    self[start + 3] = UInt8(truncatingIfNeeded: length >> 21 & 0x7f)
  }

  private mutating func append(contentsOf bytes: (UInt8, UInt8, UInt8, UInt8)) {
    append(bytes.0)
    append(bytes.1)
    append(bytes.2)
    append(bytes.3)
  }

  private mutating func append(varint value: UInt64) {
    var value = value
    while value >= 0x80 {
      append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    append(UInt8(truncatingIfNeeded: value))
  }
}
