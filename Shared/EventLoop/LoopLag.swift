/// Says again and again how late the loop comes to what is due: the time that a new request would wait at least.
@EventLoop
public final class LoopLag {
  private var timer: LoopTimer?
  /// The millisecond in which the next measurement is due.
  private var dueMilliseconds: Int64 = 0

  /// Begins to measure.
  ///
  /// - Parameters:
  ///   - interval: From one measurement to the next, about.
  ///   - receive: Told how late each one was; a loop with nothing to do shows up to a millisecond.
  public init(every interval: Duration, _ receive: @escaping @EventLoop (Duration) -> Void) {
    let timer = LoopTimer(every: interval) { [unowned self] in
      let lag = Instant.now.nanoseconds - dueMilliseconds * 1_000_000
      receive(.nanoseconds(max(0, lag)))
      // It has been started again.
      noteDue()
    }
    self.timer = timer
    noteDue()
  }

  private func noteDue() { dueMilliseconds = timer?.dueMilliseconds ?? 0 }

  /// Ends the measuring.
  public func stop() { timer?.cancel() }
}
