/// How long to wait before an attempt after a number of failures in a row.
struct Backoff {
  /// After the first failure: long enough for a restart's socket to change, short enough not to notice.
  static let first: Duration = .milliseconds(50)
  /// The longest pause, so that recovery takes a second or two however long the failure lasted.
  static let longest: Duration = .milliseconds(1_000)

  /// Doubles with each failure, and takes a random part of the upper half, so that processes that lost
  /// the same server do not all come back in the same instant.
  ///
  /// - Parameters:
  ///   - failures: How many attempts have failed in a row.
  ///   - random: A number from 0 up to, but not including, 1.
  /// - Returns: The pause.
  static func pause(failures: Int, random: Double) -> Duration {
    var pause = first
    for _ in 1..<max(failures, 1) where pause < longest { pause *= 2 }
    pause = min(pause, longest)
    return pause / 2 + pause / 2 * random
  }
}
