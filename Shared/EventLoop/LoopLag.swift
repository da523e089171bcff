/// Says again and again how late the loop comes to what is due: the time that a new request would wait at least.
@EventLoop
public final class LoopLag {
  private let timer: LoopTimer

  /// Begins to measure.
  ///
  /// Timers count in milliseconds, so that a loop with nothing to do shows up to one.
  ///
  /// - Parameters:
  ///   - interval: From one measurement to the next.
  ///   - receive: Told how late each one was.
  public init(every interval: Duration, _ receive: @escaping @EventLoop (Duration) -> Void) {
    var due = Instant.now + interval
    timer = LoopTimer(every: interval) {
      let now = Instant.now
      receive(.nanoseconds(max(0, now.nanoseconds - due.nanoseconds)))
      due = now + interval
    }
  }

  /// Ends the measuring.
  public func stop() { timer.cancel() }
}
