extension RawMessage {
  /// Where the value of a string, bytes or message field lies; nil when the message does not have it.
  ///
  /// Of several values the last one counts, as everywhere in protobuf. Only fields of the outermost message are looked
  /// at, and nothing is decoded.
  ///
  /// - Parameter number: The field's number.
  /// - Returns: The range within ``bytes``; nil also where the bytes are no message.
  public func value(of number: UInt32) -> Range<Int>? {
    var found: Range<Int>?
    var offset = 0
    while offset < bytes.count {
      guard let tag = varint(at: &offset) else { return nil }
      switch tag & 7 {
      case 0: guard varint(at: &offset) != nil else { return nil }
      case 1: offset += 8
      case 2:
        guard let count = varint(at: &offset), count <= UInt64(bytes.count - offset) else {
          return nil
        }
        let end = offset + Int(count)
        if tag >> 3 == UInt64(number) { found = offset..<end }
        offset = end
      case 5: offset += 4
      default: return nil
      }
    }
    return offset == bytes.count ? found : nil
  }

  /// Appends a bytes field to an encoded message; its number must be above those before it, or it takes their place.
  ///
  /// - Parameters:
  ///   - value: The field's value.
  ///   - number: The field's number.
  public mutating func append(_ value: ArraySlice<UInt8>, as number: UInt32) {
    bytes.reserveCapacity(bytes.count + value.count + 15)
    append(varint: UInt64(number) << 3 | 2)
    append(varint: UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  private mutating func append(varint: UInt64) {
    var rest = varint
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Source: Protocol Buffers, "Encoding"; a varint has at most ten bytes.
  private func varint(at offset: inout Int) -> UInt64? {
    var result: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      guard offset < bytes.count else { return nil }
      let byte = bytes[offset]
      offset += 1
      result |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte & 0x80 == 0 { return result }
    }
    return nil
  }
}
