private import Synchronization

extension UUID {
  /// Makes a new version 7 identifier for the given moment.
  ///
  /// Within one process, identifiers made for the same millisecond are strictly increasing, as long
  /// as fewer than 16 other milliseconds are asked for in between. Across milliseconds their order
  /// is that of the times. They are unique, not secret: who sees one can guess at its neighbours.
  /// Source: RFC 9562, sections 5.7 and 6.2 (monotonic random, method 2).
  ///
  /// - Parameter moment: The time to write into the identifier; the current time unless given.
  /// - Returns: A new identifier.
  public static func v7(at moment: Timestamp = .now()) -> UUID {
    sequence.withLock { $0.next(millisecond: moment.milliseconds) }
  }

  /// The lower bound of the version 7 identifiers of a moment and later: none of them is below it, and all of
  /// earlier moments are.
  ///
  /// Moments that such an identifier cannot hold give the nearest one that it can.
  public static func lowest7(at moment: Timestamp) -> UUID {
    let millisecond = min(UInt64(clamping: moment.milliseconds), 1 << 48 - 1)
    return UUID(high: millisecond << 16, low: 0)
  }

  private static let sequence = Mutex(Version7Sequence())
}

/// The last identifier made for each of the latest milliseconds asked for, from which the next one follows.
///
/// Several are kept because calls that overlap write their own time of arrival into what they make,
/// a little after the clock has moved on. Which one gives way is told by when it came, not by its number: two
/// clocks in one process, such as a test's and the system's, must not throw out each other's.
private struct Version7Sequence {
  private static let slotCount = 16

  private var slots = [Version7Slot](repeating: Version7Slot(), count: slotCount)
  /// The slot used last, at which most calls find their millisecond.
  private var latest = 0
  /// The slot that gives way to the next new millisecond.
  private var oldest = 0

  mutating func next(millisecond: Int64) -> UUID {
    let millisecond = UInt64(clamping: millisecond) & (1 << 48 - 1)
    if slots[latest].millisecond != millisecond {
      latest = slots.firstIndex { $0.millisecond == millisecond } ?? takeOldest()
    }
    return slots[latest].next(millisecond: millisecond)
  }

  private mutating func takeOldest() -> Int {
    defer { oldest = (oldest + 1) % Self.slotCount }
    return oldest
  }
}

/// The last identifier made for one millisecond.
private struct Version7Slot {
  /// The 48 bits of the time; none before the first identifier.
  private(set) var millisecond: UInt64?
  /// The 12 bits between version and variant; its top bit starts as zero, to leave room to count.
  private var upper: UInt64 = 0
  /// The 62 bits after the variant.
  private var lower: UInt64 = 0

  private static let upperMask: UInt64 = 1 << 12 - 1
  private static let lowerMask: UInt64 = 1 << 62 - 1

  mutating func next(millisecond now: UInt64) -> UUID {
    if now == millisecond {
      advance()
    } else {
      millisecond = now
      upper = RandomPool.next() & (Self.upperMask >> 1)
      lower = RandomPool.next() & Self.lowerMask
    }
    return UUID(high: now << 16 | 0x7000 | upper, low: 0x8000_0000_0000_0000 | lower)
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
