internal import Faults
internal import Primitives

/// Whether a request is within its limit, and what the client is told of it.
struct RateVerdict: Equatable {
  /// Whether it may go on.
  let isAllowed: Bool
  /// `X-RateLimit-Limit`: requests a minute.
  let limit: Int
  /// `X-RateLimit-Remaining`: requests that are left at once.
  let remaining: Int
  /// `X-RateLimit-Reset`: when all are there again, in whole Unix seconds.
  let resetSeconds: Int64
  /// `Retry-After`: whole seconds until the next request is allowed, at least 1; 0 where this one is.
  let retryAfterSeconds: Int64

  /// Tells an outcome as of `time`.
  init(_ outcome: RateLimit.Outcome, of limit: RateLimit, at time: Timestamp) {
    isAllowed = outcome.isAllowed
    self.limit = limit.perMinute
    remaining = outcome.remaining
    let fullAt = time.milliseconds + (outcome.untilFull + 999_999) / 1_000_000
    resetSeconds = (fullAt + 999) / 1000
    let untilNext = (outcome.untilNext + 999_999_999) / 1_000_000_000
    retryAfterSeconds = outcome.isAllowed ? 0 : max(1, untilNext)
  }

  /// What a client who asks too often is told.
  var refusal: Fault {
    Fault(
      .resourceExhausted,
      "Too many requests: try again in \(retryAfterSeconds) second(s)",
      reason: .rateLimited
    )
  }
}
