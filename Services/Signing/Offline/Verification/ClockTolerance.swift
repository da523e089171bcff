internal import Primitives

/// How far the clocks of server and machine may be apart.
enum ClockTolerance {
  /// What is dated later than this from now is refused; the contract names five minutes.
  static let ahead = Duration.seconds(300)

  static func check(issuedAt: Timestamp, now: Timestamp) throws(Refusal) {
    guard issuedAt <= now + ahead else {
      throw Refusal(
        .issuedInFuture,
        "issued at \(issuedAt.iso8601), but it is only \(now.iso8601) here: check the clock"
      )
    }
  }
}
