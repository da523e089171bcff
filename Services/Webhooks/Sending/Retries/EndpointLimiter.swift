public import EventLoop

/// How much of the sender one endpoint may take: so many deliveries at a time, and so many a second.
///
/// A pure value, one an endpoint; time is passed in. The rate is a bucket of tokens that fills steadily and holds one
/// second's worth, so that a short burst passes.
public struct EndpointLimiter: Hashable, Sendable {
  /// Deliveries under way at a time.
  public let concurrentMax: Int
  /// Deliveries a second; nil for as many as the receiver takes.
  public let perSecond: Int?
  /// How many are under way.
  public private(set) var underWay = 0

  /// Nanoseconds' worth of tokens in the bucket; a delivery takes a second's worth divided by the rate.
  private var credit: Int64
  private var filledAt: Instant

  /// Makes a limiter with a full bucket.
  public init(concurrentMax: Int, perSecond: Int? = nil, at now: Instant) {
    precondition(concurrentMax > 0 && perSecond.map { $0 > 0 } ?? true)
    self.concurrentMax = concurrentMax
    self.perSecond = perSecond
    credit = EndpointLimiter.bucket
    filledAt = now
  }

  private static let bucket: Int64 = 1_000_000_000

  /// Whether a delivery may go out.
  public enum Admission: Hashable, Sendable {
    /// It may, and is counted as under way.
    case now
    /// Not before this has passed.
    case after(Duration)
    /// Not before one under way has ended.
    case whenOneEnds
  }

  /// Asks whether a delivery may go out; whoever is admitted must ``end()``.
  public mutating func admit(at now: Instant) -> Admission {
    guard underWay < concurrentMax else { return .whenOneEnds }
    if let perSecond {
      fill(at: now)
      let price = max(1, EndpointLimiter.bucket / Int64(perSecond))
      guard credit >= price else { return .after(.nanoseconds(price - credit)) }
      credit -= price
    }
    underWay += 1
    return .now
  }

  /// Counts a delivery as ended, however it did.
  public mutating func end() {
    precondition(underWay > 0, "more deliveries ended than began")
    underWay -= 1
  }

  private mutating func fill(at now: Instant) {
    let passed = max(0, now.nanoseconds - filledAt.nanoseconds)
    credit = min(EndpointLimiter.bucket, credit + min(passed, EndpointLimiter.bucket))
    filledAt = max(filledAt, now)
  }
}
