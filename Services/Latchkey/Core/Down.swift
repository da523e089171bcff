public import EventLoop
internal import Faults
internal import Glibc

/// `latchkey down`: stops what `latchkey up` runs in a data directory, and waits for its end.
@EventLoop
public enum Down {
  /// Longer than `up` may take to stop.
  private static let limit = Duration.seconds(100)
  private static let pollInterval = Duration.milliseconds(50)

  /// Does it.
  ///
  /// - Parameter dataDirectory: As given to `up`; nil for the default.
  /// - Returns: The exit status: zero when nothing runs any more, also when nothing did.
  public static func run(dataDirectory: String?) async -> Int32 {
    let console = Console()
    do throws(Fault) {
      let directory = try DataDirectory.chosen(dataDirectory)
      guard case .ours = try directory.state() else {
        throw Fault(.failedPrecondition, "There is no Latchkey in \(directory.path)")
      }
      try await stop(directory, console)
      return 0
    } catch {
      console.complain(error)
      return 1
    }
  }

  private static func stop(_ directory: DataDirectory, _ console: Console) async throws(Fault) {
    guard let process = DataDirectoryLock.holder(of: directory) else {
      try await Postmaster.stopLeftOver(in: directory.postgres)
      console.say("Latchkey does not run in \(directory.path)")
      return
    }
    guard kill(process, SIGTERM) == 0 else {
      throw Files.fault("Cannot stop the process \(process)", errno)
    }
    let deadline = Instant.now + limit
    while DataDirectoryLock.holder(of: directory) == process {
      guard Instant.now < deadline else {
        throw .unavailable("Latchkey does not stop (process \(process))")
      }
      await EventLoop.sleep(for: pollInterval)
    }
    console.say("Latchkey has stopped in \(directory.path)")
  }
}
