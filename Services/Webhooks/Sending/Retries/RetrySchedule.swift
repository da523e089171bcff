/// When a delivery that failed is tried again.
public struct RetrySchedule: Hashable, Sendable {
  /// The waits between one attempt and the next.
  public let waits: [Duration]

  /// Ten attempts within about two and three-quarter days: quick ones for a restart, then hours for an outage that
  /// somebody has to notice first, over a weekend.
  public static let standard = RetrySchedule(waits: [
    .seconds(5), .seconds(30), .seconds(2 * 60), .seconds(10 * 60), .seconds(3600),
    .seconds(4 * 3600), .seconds(12 * 3600), .seconds(24 * 3600), .seconds(24 * 3600),
  ])

  /// By how much a wait may be longer or shorter, so that what failed together does not come back together.
  private static let jitter = 0.1

  /// Makes a schedule.
  public init(waits: [Duration]) { self.waits = waits }

  /// How many attempts there are in all.
  public var attemptsMax: Int { waits.count + 1 }

  /// How long to wait after an attempt that failed.
  ///
  /// - Parameters:
  ///   - attempt: The number of the attempt, beginning with 1.
  ///   - retryAfter: What the receiver asked for; it makes the wait longer and never shorter, and is kept to: the
  ///     jitter is added to it.
  ///   - random: From 0 up to 1.
  /// - Returns: Nil when there are no more attempts.
  public func wait(afterAttempt attempt: Int, retryAfter: Duration?, random: Double) -> Duration? {
    precondition(attempt >= 1 && (0...1).contains(random))
    guard attempt <= waits.count else { return nil }
    let planned =
      waits[attempt - 1] * (1 - RetrySchedule.jitter + 2 * RetrySchedule.jitter * random)
    guard let retryAfter else { return planned }
    return max(planned, retryAfter * (1 + RetrySchedule.jitter * random))
  }
}
