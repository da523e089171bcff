/// How many values fell into which bucket, and their sum.
///
/// Plain integers, so that noting a value takes a few comparisons and two additions: whoever has one is on the loop.
public struct Histogram: Sendable {
  /// Where the buckets end, and in which unit that is shown.
  public struct Scale: Sendable {
    /// The largest value of each bucket but the last, which has no end; ascending.
    let bounds: [Int64]
    /// The same as Prometheus reads it.
    let texts: [String]
    /// How many of what is noted make one of what is shown.
    let divisor: Double

    init(bounds: [Int64], divisor: Double) {
      self.bounds = bounds
      self.divisor = divisor
      texts = bounds.map { Exposition.text(of: Double($0) / divisor) }
    }

    private static func seconds(_ milliseconds: [Double]) -> Scale {
      Scale(bounds: milliseconds.map { Int64($0 * 1_000_000) }, divisor: 1_000_000_000)
    }

    /// Nanoseconds, shown as seconds: what a call, a statement or a turn of the loop takes.
    public static let durations = seconds([
      0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
    ])
    /// Nanoseconds, shown as seconds: how late something was done that may be tried again for days.
    public static let delays = seconds([
      50, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000,
      28_800_000, 86_400_000,
    ])
    /// Numbers of things.
    public static let counts = Scale(
      bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024],
      divisor: 1
    )
  }

  let scale: Scale
  /// How many values each bucket has, without those of the buckets before.
  private(set) var counts: [Int]
  private(set) var sum: Int64 = 0

  /// A histogram of nothing yet.
  public init(_ scale: Scale) {
    self.scale = scale
    counts = [Int](repeating: 0, count: scale.bounds.count + 1)
  }

  /// Notes a value, in the unit of the scale's bounds.
  public mutating func note(_ value: Int64) {
    var bucket = 0
    while bucket < scale.bounds.count, value > scale.bounds[bucket] { bucket += 1 }
    counts[bucket] += 1
    sum &+= value
  }

  /// How many values were noted.
  public var count: Int { counts.reduce(0, +) }
}
