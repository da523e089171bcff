private import Synchronization

extension UUID {
  /// Makes a new version 7 identifier for the given moment.
  ///
  /// Within one process, identifiers made for the same millisecond one after the other are strictly
  /// increasing. Across milliseconds their order is that of the times given. They are unique, not
  /// secret: whoever sees one can guess at its neighbours.
  /// Source: RFC 9562, sections 5.7 and 6.2 (monotonic random, method 2).
  ///
  /// - Parameter moment: The time to write into the identifier; the current time unless given.
  public static func v7(at moment: Timestamp = .now()) -> UUID {
    sequence.withLock { $0.next(millisecond: moment.milliseconds) }
  }

  private static let sequence = Mutex(Version7Sequence())
}

/// The last identifier made, from which the next one within the same millisecond follows.
private struct Version7Sequence {
  /// The 48 bits of the time.
  private var millisecond: UInt64 = 0
  /// The 12 bits between version and variant; its top bit starts as zero, to leave room to count.
  private var upper: UInt64 = 0
  /// The 62 bits after the variant.
  private var lower: UInt64 = 0

  private static let timeMask: UInt64 = (1 << 48) - 1
  private static let upperMask: UInt64 = (1 << 12) - 1
  private static let lowerMask: UInt64 = (1 << 62) - 1

  mutating func next(millisecond now: Int64) -> UUID {
    let now = UInt64(clamping: now) & Self.timeMask
    if now == millisecond {
      advance()
    } else {
      millisecond = now
      upper = RandomPool.next() & (Self.upperMask >> 1)
      lower = RandomPool.next() & Self.lowerMask
    }
    return UUID(high: millisecond << 16 | 0x7000 | upper, low: 0x8000_0000_0000_0000 | lower)
  }

  /// Adds a random step of 1 to 2^32, so that neighbours do not differ by a constant.
  ///
  /// The count has room for more than 2^40 steps, which no process makes in a millisecond.
  private mutating func advance() {
    lower += (RandomPool.next() & 0xffff_ffff) + 1
    upper += lower >> 62
    lower &= Self.lowerMask
    precondition(upper <= Self.upperMask, "more identifiers in a millisecond than can be made")
  }
}
