public import Primitives
private import Synchronization

/// A clock that stands still until a test moves it.
public final class TestClock: Sendable {
  private let moment: Mutex<Timestamp>

  /// Makes a clock; by default it shows the time of its making, so that new ids lie after older ones.
  public init(_ moment: Timestamp = .now()) {
    self.moment = Mutex(moment)
  }

  /// The time it shows.
  public var now: Timestamp { moment.withLock { $0 } }

  /// Moves it on.
  public func advance(by duration: Duration) {
    moment.withLock { $0 = $0 + duration }
  }
}
