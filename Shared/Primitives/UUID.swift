/// A universally unique identifier, 128 bits, written as `0198c1e2-7a10-7cc3-98c4-dc0c0c07398f`.
///
/// Identifiers that we make are version 7: they begin with the time, so that an index on them grows
/// at one end only. Identifiers from outside may be of any version.
/// Source: RFC 9562.
public struct UUID: Hashable, Sendable {
  /// The first eight bytes, most significant byte first.
  public let high: UInt64
  /// The last eight bytes, most significant byte first.
  public let low: UInt64

  /// Makes an identifier from its two halves, in network order.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Makes an identifier from exactly 16 bytes in network order; any other count gives nil.
  public init?(bytes: [UInt8]) {
    let parsed = bytes.withUnsafeBytes { UUID(bytes: $0) }
    guard let parsed else { return nil }
    self = parsed
  }

  /// Makes an identifier from exactly 16 bytes in network order; any other count gives nil.
  public init?(bytes: UnsafeRawBufferPointer) {
    guard bytes.count == UUID.byteCount else { return nil }
    high = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
    low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  }

  /// The number of bytes of the binary form.
  public static let byteCount = 16
  /// The number of characters of the text form.
  public static let characterCount = 36

  /// The 16 bytes in network order.
  public var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: UUID.byteCount) { buffer, count in
      write(bytesTo: UnsafeMutableRawBufferPointer(buffer))
      count = UUID.byteCount
    }
  }

  /// Appends the 16 bytes in network order.
  public func appendBytes(to output: inout [UInt8]) {
    withUnsafeTemporaryAllocation(byteCount: UUID.byteCount, alignment: 8) { buffer in
      write(bytesTo: buffer)
      output.append(contentsOf: buffer)
    }
  }

  private func write(bytesTo buffer: UnsafeMutableRawBufferPointer) {
    buffer.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
    buffer.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
  }
}

extension UUID: Comparable {
  /// Orders as the text and the bytes do; for version 7 that is the order of creation.
  public static func < (left: UUID, right: UUID) -> Bool {
    left.high == right.high ? left.low < right.low : left.high < right.high
  }
}

extension UUID: LosslessStringConvertible {
  /// Parses the 36-character form, in either case; anything else (braces, URNs, spaces) gives nil.
  public init?(_ text: String) {
    var text = text
    let parsed = text.withUTF8 { UUID(text: UnsafeRawBufferPointer($0)) }
    guard let parsed else { return nil }
    self = parsed
  }

  /// Parses the 36-character form from ASCII bytes, in either case.
  public init?(text: UnsafeRawBufferPointer) {
    guard text.count == UUID.characterCount else { return nil }
    var halves: (UInt64, UInt64) = (0, 0)
    var digits = 0
    for index in 0..<UUID.characterCount {
      let byte = text[index]
      if UUID.isHyphen(at: index) {
        guard byte == UInt8(ascii: "-") else { return nil }
        continue
      }
      guard let value = Hex.value(of: byte) else { return nil }
      if digits < 16 {
        halves.0 = halves.0 << 4 | UInt64(value)
      } else {
        halves.1 = halves.1 << 4 | UInt64(value)
      }
      digits += 1
    }
    self.init(high: halves.0, low: halves.1)
  }

  /// The 36-character form in lower case.
  public var description: String {
    String(unsafeUninitializedCapacity: UUID.characterCount) { buffer in
      write(textTo: buffer)
      return UUID.characterCount
    }
  }

  /// Appends the 36-character form in lower case, as ASCII.
  public func append(to output: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: UUID.characterCount) { buffer in
      write(textTo: buffer)
      output.append(contentsOf: buffer)
    }
  }

  private func write(textTo buffer: UnsafeMutableBufferPointer<UInt8>) {
    UUID.write(UInt32(truncatingIfNeeded: high >> 32), to: buffer, at: 0)
    buffer.initializeElement(at: 8, to: UInt8(ascii: "-"))
    UUID.write(UInt16(truncatingIfNeeded: high >> 16), to: buffer, at: 9)
    buffer.initializeElement(at: 13, to: UInt8(ascii: "-"))
    UUID.write(UInt16(truncatingIfNeeded: high), to: buffer, at: 14)
    buffer.initializeElement(at: 18, to: UInt8(ascii: "-"))
    UUID.write(UInt16(truncatingIfNeeded: low >> 48), to: buffer, at: 19)
    buffer.initializeElement(at: 23, to: UInt8(ascii: "-"))
    UUID.write(UInt16(truncatingIfNeeded: low >> 32), to: buffer, at: 24)
    UUID.write(UInt32(truncatingIfNeeded: low), to: buffer, at: 28)
  }

  /// Writes a number as all its digits, of which most identifiers have several a request.
  @inline(__always)
  private static func write<Number: FixedWidthInteger>(
    _ number: Number,
    to buffer: UnsafeMutableBufferPointer<UInt8>,
    at start: Int
  ) {
    for index in 0..<Number.bitWidth / 4 {
      let digit = number >> (Number.bitWidth - 4 * (index + 1))
      buffer.initializeElement(at: start + index, to: Hex.digit(UInt8(truncatingIfNeeded: digit)))
    }
  }

  private static func isHyphen(at index: Int) -> Bool {
    index == 8 || index == 13 || index == 18 || index == 23
  }
}
