/// A token bucket that is filled evenly, as its one number: when it is full again.
///
/// A bucket holds as many tokens as a minute gives, so a client may do at once what it is allowed in a minute, and then
/// as much as trickles in. Who is refused need not wait for a window to end but for the next token.
///
/// Source: the generic cell rate algorithm (ITU-T I.371, annex A), in its virtual scheduling form.
struct RateLimit: Sendable, Equatable {
  /// The highest limit: the interval between tokens stays a number of nanoseconds that means something.
  static let perMinuteMax = 1_000_000

  /// How many requests a minute allows, and a full bucket at once.
  let perMinute: Int
  /// Nanoseconds in which one token trickles in.
  let interval: Int64

  /// Makes a limit of 1 to ``perMinuteMax`` requests a minute.
  init(perMinute: Int) {
    precondition(
      (1...Self.perMinuteMax).contains(perMinute),
      "a limit is 1 to \(Self.perMinuteMax)"
    )
    self.perMinute = perMinute
    interval = 60_000_000_000 / Int64(perMinute)
  }

  /// Takes a token, if there is one.
  ///
  /// - Parameters:
  ///   - fullAt: When the bucket is full again, in nanoseconds; in the past for a bucket that rests.
  ///   - now: The time, by the same clock.
  /// - Returns: What became of it.
  func take(from fullAt: inout Int64, at now: Int64) -> Outcome {
    let before = max(fullAt, now)
    let isAllowed = before + interval - now <= capacity
    if isAllowed { fullAt = before + interval }
    return outcome(isAllowed, fullAt: max(fullAt, now), now)
  }

  /// What taking a token would come to, without taking one.
  func look(at fullAt: Int64, _ now: Int64) -> Outcome {
    let fullAt = max(fullAt, now)
    return outcome(fullAt + interval - now <= capacity, fullAt: fullAt, now)
  }

  /// Nanoseconds in which an empty bucket becomes full; a minute, but for rounding.
  private var capacity: Int64 { interval * Int64(perMinute) }

  private func outcome(_ isAllowed: Bool, fullAt: Int64, _ now: Int64) -> Outcome {
    // A bucket that was taken over from a limit with another rounding may want a few nanoseconds more than a minute.
    let untilFull = fullAt - now
    return Outcome(
      isAllowed: isAllowed,
      remaining: Int(max(0, capacity - untilFull) / interval),
      untilFull: untilFull,
      untilNext: isAllowed ? 0 : untilFull + interval - capacity
    )
  }

  /// What became of a request for a token.
  struct Outcome: Equatable {
    /// Whether there was one.
    let isAllowed: Bool
    /// How many are left.
    let remaining: Int
    /// Nanoseconds until the bucket is full.
    let untilFull: Int64
    /// Nanoseconds until the next token, for who got none.
    let untilNext: Int64
  }
}
