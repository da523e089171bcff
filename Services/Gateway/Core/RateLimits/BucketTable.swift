/// The buckets of all clients, in memory of a fixed size.
///
/// A bucket is found by a hash of what is counted, under a secret of this process. The hash picks a set of eight slots,
/// and the bucket is in one of them. Where it is in none, it takes the slot of the fullest bucket there, *and goes on
/// with that bucket's level*. So
///
/// - nothing is ever allocated or cleared, and the table cannot grow;
/// - a bucket that has been full for long, which says nothing, is the first to go, and what replaces it begins full;
/// - forgetting is no way to get tokens. Whoever floods the table with new names, to have an emptied bucket of theirs
///   forgotten, finds it replaced only when all eight of its set are emptied as far, and comes back to the fullest of
///   these. The clients of a set together never get more than eight buckets give;
/// - the worst that a flood can do is to have a new client begin with less than a full bucket. Buckets are full again
///   a minute after their last use, so it takes more than half the slots emptied anew each minute: millions of requests,
///   which the limits by address and the speed of one process are far below.
///
/// Source: the takeover is that of the space-saving sketch (Metwally, Agrawal, El Abbadi, 2005).
struct BucketTable {
  private static let slotsPerSet = 8

  private struct Slot {
    var name: UInt64 = 0
    var fullAt: Int64 = .min
  }

  private var slots: [Slot]
  private let setMask: UInt64

  /// Makes a table of eight times so many buckets, 16 bytes each.
  ///
  /// - Parameter setCount: A power of two.
  init(setCount: Int) {
    precondition(
      setCount > 0 && setCount & (setCount - 1) == 0,
      "a count of sets is a power of two"
    )
    slots = Array(repeating: Slot(), count: setCount * Self.slotsPerSet)
    setMask = UInt64(setCount - 1)
  }

  /// Gives the bucket of a name to `body`, which may change it.
  mutating func update<Result>(_ name: UInt64, _ body: (inout Int64) -> Result) -> Result {
    let set = set(of: name)
    var chosen = set.lowerBound
    for index in set {
      if slots[index].name == name {
        chosen = index
        break
      }
      if slots[index].fullAt < slots[chosen].fullAt { chosen = index }
    }
    slots[chosen].name = name
    return body(&slots[chosen].fullAt)
  }

  /// The bucket of a name; nil when the table does not have it.
  func fullAt(_ name: UInt64) -> Int64? {
    for index in set(of: name) where slots[index].name == name { return slots[index].fullAt }
    return nil
  }

  private func set(of name: UInt64) -> Range<Int> {
    let first = Int(name & setMask) * Self.slotsPerSet
    return first..<(first + Self.slotsPerSet)
  }
}
