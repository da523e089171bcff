public import EventLoop
public import Faults
public import Logging

/// Starts the long-lived parts of a process in order, and stops them in reverse.
///
/// The order of adding is the order of dependence: what comes later may use what came before. Each
/// part is asked to stop only when the one after it has stopped, so a database pool outlives the
/// calls that use it.
@EventLoop
public final class Lifecycle {
  /// How long all parts together may take to stop before the process ends regardless.
  ///
  /// A part's own limit (draining calls) is shorter; this one is for what hangs.
  public static let stopLimit = Duration.seconds(30)

  private struct Part {
    let name: String
    let start: @EventLoop () async throws(Fault) -> Void
    let stop: @EventLoop () async -> Void
  }

  private enum State {
    case adding, starting, running, stopping
  }

  private let log: Logger
  private let stopLimit: Duration
  private let giveUp: @EventLoop () -> Void
  private var parts: [Part] = []
  private var started: [Part] = []
  private var state = State.adding
  private var stopReason: String?
  private var startTask: Task<Void, Never>?
  private var waiter: CheckedContinuation<Void, Never>?

  /// Makes a lifecycle without parts.
  ///
  /// - Parameters:
  ///   - log: Where starts, stops and failures are told.
  ///   - stopLimit: How long stopping may take as a whole.
  ///   - giveUp: What is done when it takes longer; ends the process if nothing is said.
  public init(
    log: Logger,
    stopLimit: Duration = Lifecycle.stopLimit,
    giveUp: @escaping @EventLoop () -> Void = { endProcess(status: 1) }
  ) {
    self.log = log
    self.stopLimit = stopLimit
    self.giveUp = giveUp
  }

  /// Adds a part, before ``run()``.
  ///
  /// - Parameters:
  ///   - name: What logs call it.
  ///   - start: Brings it up; returns when it can be used. Its task is cancelled when a stop is asked for.
  ///   - stop: Takes it down; called only after `start` has returned without a fault.
  public func add(
    _ name: String,
    start: @escaping @EventLoop () async throws(Fault) -> Void,
    stop: @escaping @EventLoop () async -> Void
  ) {
    precondition(state == .adding, "Parts are added before the lifecycle runs")
    parts.append(Part(name: name, start: start, stop: stop))
  }

  /// Whether all parts have started and no stop was asked for.
  public var isRunning: Bool { state == .running && stopReason == nil }

  /// Asks for an orderly stop; without effect when one was asked for already.
  ///
  /// May come at any time.
  public func requestStop(_ reason: String) {
    guard stopReason == nil else { return }
    stopReason = reason
    startTask?.cancel()
    waiter?.resume()
    waiter = nil
  }

  /// Runs the process: starts everything, waits for a request to stop, stops everything.
  ///
  /// - Returns: The exit status: zero after a requested stop, 1 when a part did not start.
  public func run() async -> Int32 {
    precondition(state == .adding, "A lifecycle runs once")
    state = .starting
    let failed = await startAll()
    if !failed && stopReason == nil {
      state = .running
      log.info("ready")
      await withCheckedContinuation { waiter = $0 }
    }
    state = .stopping
    log.info("stopping", metadata: ["reason": "\(stopReason ?? "a part did not start")"])
    let limit = LoopTimer(after: stopLimit) { [self] in
      log.error("gave up stopping in order", metadata: ["limit": "\(stopLimit)"])
      giveUp()
    }
    await stopAll()
    limit.cancel()
    log.info("stopped")
    return failed ? 1 : 0
  }

  /// Starts the parts until one fails or a stop is asked for.
  ///
  /// Returns whether one failed.
  private func startAll() async -> Bool {
    var failed = false
    for part in parts where !failed && stopReason == nil {
      log.debug("starting", metadata: ["part": "\(part.name)"])
      var result: Result<Void, Fault> = .success(())
      let task = EventLoop.spawn { () async -> Void in
        do throws(Fault) { try await part.start() } catch { result = .failure(error) }
      }
      startTask = task
      await task.value
      startTask = nil
      switch result {
      case .success:
        started.append(part)
      case .failure(let fault):
        // A start that was cancelled by the request to stop has not failed.
        guard stopReason == nil else { break }
        failed = true
        log.critical("could not start", error: fault, metadata: ["part": "\(part.name)"])
      }
    }
    return failed
  }

  private func stopAll() async {
    for part in started.reversed() {
      log.debug("stopping", metadata: ["part": "\(part.name)"])
      await part.stop()
    }
  }
}
