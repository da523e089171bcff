internal import EventLoop
internal import Primitives

/// How many deliveries a webhook makes in a second, as far as is known.
///
/// Counted while there is something to make: one that was idle is taken to be as fast as it was before. A pure value;
/// time is passed in.
struct DeliveryPace {
  /// What is counted for a shorter time says little: what was sent together comes to its end together.
  private static let leastTime = Duration.milliseconds(100)
  /// After so long the count begins anew.
  private static let window = Duration.seconds(1)

  private var known = 0
  /// When the count began; nil while nothing is made.
  private var began: Instant?
  private var isFirstWindow = true
  private var count = 0

  /// Takes in that there is something to make.
  mutating func begin(at now: Instant) {
    guard began == nil else { return }
    began = now
    isFirstWindow = true
    count = 0
  }

  /// Takes in that a delivery has come to its end.
  mutating func ended(at now: Instant) {
    guard let began else { return }
    count += 1
    let time = now - began
    if time >= Self.window {
      known = rate(in: time)
      self.began = now
      isFirstWindow = false
      count = 0
    } else if time >= Self.leastTime {
      known = max(known, rate(in: time))
    }
  }

  /// Takes in that there is nothing left to make.
  mutating func rest(at now: Instant) {
    guard let began else { return }
    let time = now - began
    // The first window holds what the receiver took for its answers, however short it is.
    if isFirstWindow || time >= Self.leastTime { known = max(known, rate(in: time)) }
    self.began = nil
  }

  /// How many in a second.
  func perSecond(at now: Instant) -> Int {
    guard let began, now - began >= Self.window else { return known }
    // A receiver that hangs ends nothing.
    return min(known, rate(in: now - began))
  }

  private func rate(in time: Duration) -> Int {
    count * 1_000 / Int(max(time, Self.leastTime).wholeMilliseconds)
  }
}
