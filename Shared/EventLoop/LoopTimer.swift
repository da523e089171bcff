/// A timer of the loop: fires once, or again and again until it is cancelled.
///
/// It is kept alive by the loop while it is active. Its owner cancels it; being released is not enough.
@EventLoop
public final class LoopTimer {
  /// The millisecond of the monotonic clock in which it fires; rounded up, so never early.
  private(set) var dueMilliseconds: Int64 = 0
  var next: LoopTimer?
  unowned(unsafe) var previous: LoopTimer?
  /// Whether it will still fire.
  public private(set) var isActive = false
  private var interval: Duration?
  private let body: @EventLoop () -> Void

  /// Makes a timer that is not started.
  public init(_ body: @escaping @EventLoop () -> Void) { self.body = body }

  /// Makes a timer and starts it.
  public convenience init(after delay: Duration, _ body: @escaping @EventLoop () -> Void) {
    self.init(body)
    start(after: delay)
  }

  /// Makes a timer that fires again and again, `interval` apart.
  ///
  /// All such timers of a process keep step (``start(about:)``), so that one that rests is woken once for all that it looks
  /// after. The first time comes after half an interval to one and a half; a step that comes late leaves out what has
  /// passed.
  public convenience init(every interval: Duration, _ body: @escaping @EventLoop () -> Void) {
    self.init(body)
    self.interval = interval
    start(about: interval)
  }

  /// Starts it, or moves it when it is active.
  public func start(after delay: Duration) { start(at: Instant.now + delay) }

  /// Starts it, or moves it when it is active: to a moment that lies half a delay to one and a half from now, and is the
  /// same for all timers that are started so in this while, with this delay or a multiple of it.
  public func start(about delay: Duration) { start(due: EventLoop.reactor.timers.step(delay)) }

  /// Starts it, or moves it when it is active.
  public func start(at instant: Instant) {
    // Rounded up, with room for the addition near the end of time.
    start(due: instant.nanoseconds / 1_000_000 + 1)
  }

  private func start(due milliseconds: Int64) {
    cancel()
    let timers = EventLoop.reactor.timers
    dueMilliseconds = timers.nextServed(from: milliseconds)
    isActive = true
    timers.insert(self)
  }

  /// Stops it; without effect when it is not active.
  public func cancel() {
    guard isActive else { return }
    isActive = false
    EventLoop.reactor.timers.remove(self)
  }

  func fire() {
    cancel()
    if let interval { start(about: interval) }
    body()
  }
}

extension EventLoop {
  /// Suspends the task for a duration; returns early when the task is cancelled.
  @EventLoop
  public static func sleep(for duration: Duration) async {
    let sleeper = Sleeper()
    await withTaskCancellationHandler {
      await sleeper.sleep(for: duration)
    } onCancel: {
      EventLoop.perform { sleeper.end() }
    }
  }
}

/// One sleeping task.
///
/// Its end may come before its start, when the task was cancelled already.
@EventLoop
private final class Sleeper {
  private var continuation: CheckedContinuation<Void, Never>?
  private var timer: LoopTimer?
  private var hasEnded = false

  func sleep(for duration: Duration) async {
    if hasEnded { return }
    await withCheckedContinuation { continuation in
      self.continuation = continuation
      timer = LoopTimer(after: duration) { [self] in end() }
    }
  }

  func end() {
    hasEnded = true
    timer?.cancel()
    timer = nil
    continuation?.resume()
    continuation = nil
  }
}
