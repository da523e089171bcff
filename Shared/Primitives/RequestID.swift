/// The name of one request, for logs and support: a ULID, 26 characters that sort by time.
///
/// Source: https://github.com/ulid/spec (48 bits of milliseconds, 80 random bits).
public struct RequestID: Hashable, Sendable {
  /// The time in the upper 48 bits, then 16 random bits.
  private let high: UInt64
  /// The other 64 random bits.
  private let low: UInt64

  /// The number of characters of the text form.
  public static let characterCount = 26

  /// Makes a new name for a request that arrived at the given moment.
  public init(at moment: Timestamp = .now()) {
    high = UInt64(clamping: moment.milliseconds) << 16 | RandomPool.next() & 0xffff
    low = RandomPool.next()
  }

  /// When the request arrived.
  public var moment: Timestamp { Timestamp(milliseconds: Int64(high >> 16)) }
}

extension RequestID: LosslessStringConvertible {
  /// Parses 26 symbols of Crockford's base 32 in either case; anything else gives nil.
  public init?(_ text: String) {
    guard text.utf8.count == RequestID.characterCount else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for (index, symbol) in text.utf8.enumerated() {
      guard let value = CrockfordBase32.value(of: symbol) else { return nil }
      // 26 symbols hold 130 bits: the first may use three of its five only.
      guard index > 0 || value < 8 else { return nil }
      high = high << 5 | low >> 59
      low = low << 5 | UInt64(value)
    }
    self.high = high
    self.low = low
  }

  /// The 26 characters in upper case.
  public var description: String {
    String(unsafeUninitializedCapacity: RequestID.characterCount) { buffer in
      write(to: buffer)
      return RequestID.characterCount
    }
  }

  /// Appends the 26 characters in upper case, as ASCII.
  public func append(to output: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: RequestID.characterCount) { buffer in
      write(to: buffer)
      output.append(contentsOf: buffer)
    }
  }

  private func write(to buffer: UnsafeMutableBufferPointer<UInt8>) {
    var high = high
    var low = low
    for index in stride(from: RequestID.characterCount - 1, through: 0, by: -1) {
      let symbol = CrockfordBase32.symbol(UInt8(truncatingIfNeeded: low))
      buffer.initializeElement(at: index, to: symbol)
      low = low >> 5 | high << 59
      high >>= 5
    }
  }
}
