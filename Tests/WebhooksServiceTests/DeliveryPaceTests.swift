import EventLoop
import Testing

@testable import WebhooksService

/// How many deliveries a webhook is taken to make in a second.
@Suite struct DeliveryPaceTests {
  private static let start = Instant(nanoseconds: 1_000_000_000_000)

  /// Ends as many deliveries together as each moment says, in milliseconds since the first began.
  private static func pace(_ ends: [(milliseconds: Int, count: Int)]) -> DeliveryPace {
    var pace = DeliveryPace()
    pace.begin(at: start)
    for (milliseconds, count) in ends {
      for _ in 0..<count { pace.ended(at: start + .milliseconds(milliseconds)) }
    }
    return pace
  }

  /// One row a receiver: what comes to its end, whether there is nothing left then, and the pace at some moment.
  static let rows:
    [(
      name: String, ends: [(milliseconds: Int, count: Int)], rests: Bool, at: Int,
      pace: ClosedRange<Int>
    )] = [
      ("nothing is known", [], false, 10, 0...0),
      ("a burst that is answered at once", [(20, 32)], true, 20, 320...320),
      ("and remembered", [(20, 32)], true, 60_000, 320...320),
      ("one each millisecond", (1...2_000).map { ($0, 1) }, false, 2_000, 950...1_050),
      ("fifty at a time, for five seconds", [(5_000, 50), (10_000, 50)], false, 10_000, 9...11),
      ("fifty at a time, and nothing left", [(5_000, 50)], true, 5_000, 0...10),
      ("it was fast and hangs", (1...1_000).map { ($0, 1) }, false, 11_000, 0...0),
    ]

  @Test(arguments: rows.indices) func `the pace is what was made, and no guess`(row: Int) {
    let row = Self.rows[row]
    var pace = Self.pace(row.ends)
    let now = Self.start + .milliseconds(row.at)
    if row.rests, let last = row.ends.last {
      pace.rest(at: Self.start + .milliseconds(last.milliseconds))
    }
    #expect(row.pace.contains(pace.perSecond(at: now)), "\(row.name): \(pace.perSecond(at: now))")
  }
}
