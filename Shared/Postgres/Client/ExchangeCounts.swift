internal import EventLoop
internal import Metrics

/// What is counted of the exchanges of a database's connections.
@EventLoop
final class ExchangeCounts {
  private(set) var succeeded = 0
  private(set) var refused = 0
  private(set) var stale = 0
  private(set) var lost = 0
  private(set) var durations = Histogram(.durations)

  /// An exchange is over.
  func end(_ failure: ExchangeFailure.Kind?, since begun: Instant) {
    switch failure {
    case nil: succeeded += 1
    case .refused: refused += 1
    case .stalePlan: stale += 1
    case .lost: lost += 1
    }
    durations.note(Instant.now.nanoseconds - begun.nanoseconds)
  }
}
