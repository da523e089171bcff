internal import EventLoop
internal import Faults
internal import Glibc

/// A child process that is started again whenever it ends by itself.
@EventLoop
final class SupervisedProcess {
  /// What to run, and how to end it.
  struct Plan: Sendable {
    /// What people and log files call it.
    var name: String
    /// The program with all that it gets.
    var configuration: ChildProcess.Configuration
    /// Asks it to stop in an orderly way.
    var stopSignal = SIGTERM
    /// How long it may take before it is killed.
    var stopLimit = Duration.seconds(20)
    /// What kills it when it does not stop.
    var killSignal = SIGKILL
  }

  let plan: Plan
  /// How the process ended when it last did; nil while that has not happened.
  private(set) var lastExit: ChildProcess.Exit?
  /// How often it has ended by itself.
  private(set) var exitCount = 0

  private let report: @EventLoop (String) -> Void
  private var policy = RestartPolicy()
  private var child: ChildProcess?
  private var startedAt = Instant.now
  private var restart: LoopTimer?
  private var isStopping = false

  /// Makes a process that is not started.
  ///
  /// - Parameters:
  ///   - plan: What to run.
  ///   - report: Gets one sentence when it has ended by itself.
  init(_ plan: Plan, report: @escaping @EventLoop (String) -> Void) {
    self.plan = plan
    self.report = report
  }

  /// The process's id while it runs.
  var id: Int32? { child?.id }

  /// Starts it; from now on it is kept running.
  ///
  /// - Throws: ``Fault`` `unavailable` when it cannot be started at all.
  func start() throws(Fault) {
    precondition(child == nil && !isStopping, "A process is started once")
    let child = try ChildProcess(plan.configuration)
    self.child = child
    startedAt = .now
    EventLoop.spawn { [self] in
      let exit = await child.waitForExit()
      ended(exit)
    }
  }

  /// Stops it, and keeps it stopped.
  func stop() async {
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

  private func ended(_ exit: ChildProcess.Exit) {
    child = nil
    guard !isStopping else { return }
    lastExit = exit
    exitCount += 1
    let delay = policy.delay(afterUptime: .now - startedAt)
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
