public import EventLoop
public import Faults
public import Logging

/// Work that a service does by itself, again and again.
///
/// One round ends before the next begins; a round that fails is told in the log and tried again at the next time.
@EventLoop
public final class PeriodicTask {
  private let name: String
  private let interval: Duration
  private let isOnDemand: Bool
  private let log: Logger
  private let body: @EventLoop () async throws(Fault) -> Void
  private var timer: LoopTimer?
  private var round: Task<Void, Never>?
  /// Whether it was asked for since the last round began.
  private var isAsked = false
  /// Whether the last round failed, so that a database that is gone for a while makes one line.
  private var isFailing = false

  /// Makes a task that does nothing yet.
  ///
  /// - Parameters:
  ///   - name: What logs call it.
  ///   - interval: From the beginning of one round to that of the next, about; half of it at least from the end of one.
  ///   - isOnDemand: Whether a round comes only after ``ask()``.
  ///   - log: Where failures are told.
  ///   - body: One round.
  public init(
    _ name: String,
    every interval: Duration,
    isOnDemand: Bool = false,
    log: Logger,
    _ body: @escaping @EventLoop () async throws(Fault) -> Void
  ) {
    self.name = name
    self.interval = interval
    self.isOnDemand = isOnDemand
    self.log = log
    self.body = body
  }

  /// Begins; the first round comes after about one interval.
  public func start() {
    timer = LoopTimer { [unowned self] in begin() }
    if !isOnDemand || isAsked { timer?.start(about: interval) }
  }

  /// Says that there is something to do: the next round comes after about one interval, and one more if this is said while
  /// it is under way.
  public func ask() {
    isAsked = true
    if round == nil, let timer, !timer.isActive { timer.start(about: interval) }
  }

  /// Ends: lets the round under way come to its end, then does a last one when `isFinal` asks for it.
  public func stop(withLastRound isFinal: Bool = false) async {
    timer?.cancel()
    timer = nil
    await round?.value
    if isFinal { await run() }
  }

  private func begin() {
    isAsked = false
    round = EventLoop.spawn { [self] in
      await run()
      round = nil
      if !isOnDemand || isAsked { timer?.start(about: interval) }
    }
  }

  private func run() async {
    do throws(Fault) {
      try await body()
      isFailing = false
    } catch {
      guard !isFailing else { return }
      isFailing = true
      log.warning("periodic work failed", error: error, metadata: ["task": "\(name)"])
    }
  }
}
