internal import EventLoop

/// Calls that wait for a connection, so many at most: each has a timer of its own, which wakes nobody else.
@EventLoop
final class WaitingCalls {
  /// How many may wait; with more a service that is down would cost those who call it more than it does while it is up.
  static let countMax = 10_000

  /// By the order in which they came.
  private var continuations: [Int: CheckedContinuation<Void, Never>] = [:]
  private var lastTicket = 0

  /// Whether no other one may wait.
  var isFull: Bool { continuations.count >= WaitingCalls.countMax }

  /// Suspends until all are woken, an instant has come, or the task is cancelled.
  func wait(until limit: Instant) async {
    lastTicket += 1
    let ticket = lastTicket
    let timer = LoopTimer { [self] in wake(ticket) }
    timer.start(at: limit)
    await withTaskCancellationHandler {
      if Task.isCancelled { return }
      await withCheckedContinuation { continuations[ticket] = $0 }
    } onCancel: {
      EventLoop.perform { [self] in wake(ticket) }
    }
    timer.cancel()
  }

  /// Lets all of them look again, the first to come first.
  func wakeAll() {
    let woken = continuations.sorted { $0.key < $1.key }
    continuations = [:]
    for (_, continuation) in woken { continuation.resume() }
  }

  private func wake(_ ticket: Int) { continuations.removeValue(forKey: ticket)?.resume() }
}
