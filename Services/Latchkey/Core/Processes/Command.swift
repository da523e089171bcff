internal import EventLoop
internal import Faults
internal import Glibc

/// A program that is run to its end: `initdb`, migrations.
enum Command {
  /// Runs a program and waits for it; when the task is cancelled, the program is told to stop.
  ///
  /// - Parameters:
  ///   - what: What it does, to begin the sentence about a failure with.
  ///   - configuration: What to run.
  ///   - log: The file its output goes to, whose last line explains a failure.
  /// - Throws: ``Fault`` `cancelled`, or `failedPrecondition` when it did not succeed.
  @EventLoop
  static func run(
    _ what: String,
    _ configuration: ChildProcess.Configuration,
    log: String
  ) async throws(Fault) {
    let child = try ChildProcess(configuration)
    let exit = await withTaskCancellationHandler {
      await child.waitForExit()
    } onCancel: {
      EventLoop.perform { child.send(signal: SIGTERM) }
    }
    if Task.isCancelled { throw Fault(.cancelled, "Stopped") }
    guard exit.isSuccess else {
      throw Fault(.failedPrecondition, explanation(of: "\(what) failed (\(exit))", log: log))
    }
  }

  /// A sentence about a failure with what the program said last, and where there is more.
  static func explanation(of failure: String, log: String) -> String {
    guard let line = LogFile.lastLine(of: log) else { return "\(failure); it said nothing" }
    return "\(failure): \(line)\n(all of it is in \(log))"
  }
}
