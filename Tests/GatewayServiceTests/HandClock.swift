import EventLoop

/// A clock that a test moves, apart from the loop's.
@EventLoop
final class HandClock {
  var now = Instant(nanoseconds: 1_000_000_000)
  func advance(_ duration: Duration) { now = now + duration }
}
