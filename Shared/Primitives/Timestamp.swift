private import Glibc

/// A moment in time, in whole milliseconds, UTC.
///
/// Arithmetic saturates at the ends of `Int64` and never traps, since operands come from outside.
public struct Timestamp: Hashable, Sendable {
  /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
  public let milliseconds: Int64

  /// Makes a moment from Unix milliseconds.
  public init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  /// The first moment that has a text form: 0001-01-01T00:00:00.000Z.
  public static let earliest = Timestamp(milliseconds: -62_135_596_800_000)
  /// The last moment that has a text form: 9999-12-31T23:59:59.999Z.
  public static let latest = Timestamp(milliseconds: 253_402_300_799_999)

  /// The current time of the system clock.
  public static func now() -> Timestamp {
    var time = timespec()
    let result = clock_gettime(CLOCK_REALTIME, &time)
    // The only possible failures are a bad clock name and a bad pointer.
    precondition(result == 0, "clock_gettime refused the system clock")
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
  }

  /// Whole Unix seconds, rounded down.
  public var seconds: Int64 {
    let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
    return remainder < 0 ? quotient - 1 : quotient
  }
}

extension Timestamp: Comparable {
  /// Earlier comes first.
  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.milliseconds < right.milliseconds
  }
}

extension Timestamp {
  /// The moment a duration later, in whole milliseconds.
  public static func + (moment: Timestamp, duration: Duration) -> Timestamp {
    let (sum, overflow) = moment.milliseconds.addingReportingOverflow(duration.wholeMilliseconds)
    guard overflow else { return Timestamp(milliseconds: sum) }
    return Timestamp(milliseconds: moment.milliseconds > 0 ? .max : .min)
  }

  /// The moment a duration earlier, in whole milliseconds.
  public static func - (moment: Timestamp, duration: Duration) -> Timestamp {
    let (difference, overflow) =
      moment.milliseconds.subtractingReportingOverflow(duration.wholeMilliseconds)
    guard overflow else { return Timestamp(milliseconds: difference) }
    return Timestamp(milliseconds: moment.milliseconds > 0 ? .max : .min)
  }

  /// How much later the left moment is.
  public static func - (left: Timestamp, right: Timestamp) -> Duration {
    let (difference, overflow) =
      left.milliseconds.subtractingReportingOverflow(right.milliseconds)
    guard overflow else { return .milliseconds(difference) }
    return .milliseconds(left.milliseconds > 0 ? Int64.max : Int64.min)
  }
}

extension Duration {
  /// The duration in milliseconds, cut off towards zero and held within `Int64`.
  public var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
    let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
    guard overflow || carried else { return sum }
    return seconds > 0 ? .max : .min
  }
}
