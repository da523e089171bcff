internal import EventLoop
internal import Faults
internal import ServiceKit

extension SupervisedProcess {
  /// How long a process may take to become usable.
  ///
  /// Recovery after a crash can take a database a while.
  static let readyLimit = Duration.seconds(120)
  /// How often it is looked at meanwhile.
  static let readyInterval = Duration.milliseconds(10)

  /// Waits until `isReady` says so.
  ///
  /// - Parameters:
  ///   - log: The process's log, whose last line explains a failure.
  ///   - exitsMax: How often it may end meanwhile before that is a failure.
  ///   - isReady: Looks at the process.
  /// - Throws: ``Fault`` `unavailable` when it keeps ending or takes too long, `cancelled` when the task is.
  func waitUntilReady(
    log: String,
    exitsMax: Int = 0,
    _ isReady: @EventLoop (SupervisedProcess) async -> Bool
  ) async throws(Fault) {
    let deadline = Instant.now + SupervisedProcess.readyLimit
    while true {
      if Task.isCancelled { throw Fault(.cancelled, "Stopped") }
      if let exit = lastExit, exitCount > exitsMax {
        throw .unavailable(Command.explanation(of: "\(plan.name) does not run (\(exit))", log: log))
      }
      if await isReady(self) { return }
      guard Instant.now < deadline else {
        throw .unavailable(Command.explanation(of: "\(plan.name) does not get ready", log: log))
      }
      await EventLoop.sleep(for: SupervisedProcess.readyInterval)
    }
  }
}
