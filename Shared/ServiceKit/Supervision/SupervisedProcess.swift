public import EventLoop
public import Faults
public import Glibc

/// A child process that is started again whenever it ends by itself.
@EventLoop
public final class SupervisedProcess {
  /// What to run, and how to end it.
  public struct Plan: Sendable {
    /// What people and log files call it.
    public var name: String
    /// Gives, at each start, the program with all that it gets; a fault is told, and it is tried again.
    public var configuration: @EventLoop @Sendable () throws(Fault) -> ChildProcess.Configuration
    /// Asks it to stop in an orderly way.
    public var stopSignal: Int32
    /// How long it may take before it is killed.
    public var stopLimit: Duration
    /// What kills it when it does not stop.
    public var killSignal: Int32

    /// Makes a plan of a program that gets the same at each start; the members say what each part is.
    public init(
      name: String,
      configuration: ChildProcess.Configuration,
      stopSignal: Int32 = SIGTERM,
      stopLimit: Duration = .seconds(20),
      killSignal: Int32 = SIGKILL
    ) {
      self.init(
        name: name,
        stopSignal: stopSignal,
        stopLimit: stopLimit,
        killSignal: killSignal,
        configuration: { configuration }
      )
    }

    /// Makes a plan; the members say what each part is.
    public init(
      name: String,
      stopSignal: Int32 = SIGTERM,
      stopLimit: Duration,
      killSignal: Int32 = SIGKILL,
      configuration: @escaping @EventLoop @Sendable () throws(Fault) -> ChildProcess.Configuration
    ) {
      self.name = name
      self.configuration = configuration
      self.stopSignal = stopSignal
      self.stopLimit = stopLimit
      self.killSignal = killSignal
    }
  }

  /// What to run, and how to end it.
  public let plan: Plan
  /// How the process ended when it last did; nil while that has not happened.
  public private(set) var lastExit: ChildProcess.Exit?
  /// How often it has ended by itself.
  public private(set) var exitCount = 0
  /// How often it has ended by itself since it last ran for ``RestartPolicy/wellAfter``.
  public var failures: Int { policy.failures }

  /// Whether it has ever run for ``RestartPolicy/wellAfter``, in this run or an earlier one.
  public var hasBeenWell: Bool {
    wasWell || (child != nil && Instant.now - startedAt >= RestartPolicy.wellAfter)
  }

  private let report: @EventLoop (String) -> Void
  private var policy = RestartPolicy()
  private var child: ChildProcess?
  private var startedAt = Instant.now
  private var wasWell = false
  private var restart: LoopTimer?
  private var isStopping = false

  /// Makes a process that is not started.
  ///
  /// - Parameters:
  ///   - plan: What to run.
  ///   - report: Gets one sentence when it has ended by itself.
  public init(_ plan: Plan, report: @escaping @EventLoop (String) -> Void) {
    self.plan = plan
    self.report = report
  }

  /// The process's id while it runs.
  public var id: Int32? { child?.id }

  /// Starts it; from now on it is kept running.
  ///
  /// - Throws: ``Fault`` `unavailable` when it cannot be started at all.
  public func start() throws(Fault) {
    precondition(child == nil && !isStopping, "A process is started once")
    let child = try ChildProcess(try plan.configuration())
    self.child = child
    startedAt = .now
    EventLoop.spawn { [self] in
      let exit = await child.waitForExit()
      ended(exit)
    }
  }

  /// Stops it, and keeps it stopped.
  public func stop() async {
    isStopping = true
    restart?.cancel()
    guard let child else { return }
    child.send(signal: plan.stopSignal)
    let limit = LoopTimer(after: plan.stopLimit) { [plan, report] in
      report("\(plan.name) does not stop; it is killed")
      child.send(signal: plan.killSignal)
    }
    _ = await child.waitForExit()
    limit.cancel()
  }

  /// Passes a signal on, to the process that there is now.
  public func send(signal: Int32) { child?.send(signal: signal) }

  private func ended(_ exit: ChildProcess.Exit) {
    child = nil
    guard !isStopping else { return }
    lastExit = exit
    exitCount += 1
    let uptime = Instant.now - startedAt
    if uptime >= RestartPolicy.wellAfter { wasWell = true }
    let delay = policy.delay(afterUptime: uptime)
    report("\(plan.name) has ended (\(exit)); it is started again")
    restart = LoopTimer(after: delay) { [self] in tryAgain() }
  }

  private func tryAgain() {
    guard !isStopping else { return }
    do throws(Fault) {
      try start()
    } catch {
      report(error.message)
      restart = LoopTimer(after: policy.delay(afterUptime: .zero)) { [self] in tryAgain() }
    }
  }
}
