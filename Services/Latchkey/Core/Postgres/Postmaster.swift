internal import EventLoop
internal import Faults
internal import Glibc

/// What the file `postmaster.pid` in a cluster says about its server.
///
/// Source: PostgreSQL 15, `src/include/utils/pidfile.h`: line 1 is the process id, line 8 the status.
struct Postmaster: Equatable {
  /// The server's process.
  let id: pid_t
  /// Whether it accepts connections.
  let isReady: Bool

  /// Parses the file's text.
  ///
  /// Nil when there is no process id in it.
  init?(text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let first = lines.first, let id = pid_t(first), id > 1 else { return nil }
    self.id = id
    isReady = lines.count >= 8 && lines[7].hasPrefix("ready")
  }

  /// The server of a cluster, as it was last written down.
  static func read(_ cluster: String) -> Postmaster? {
    guard let text = try? Files.read("\(cluster)/postmaster.pid") else { return nil }
    return Postmaster(text: text)
  }

  /// Whether the process lives and is the server of this very cluster: process ids are used again, and
  /// a server's working directory is its cluster.
  func isRunning(_ cluster: String) -> Bool {
    var ours = stat()
    var its = stat()
    return stat(cluster, &ours) == 0 && stat("/proc/\(id)/cwd", &its) == 0
      && ours.st_dev == its.st_dev && ours.st_ino == its.st_ino
  }

  /// Stops a server that an earlier `latchkey up` left behind; does nothing when there is none.
  ///
  /// - Throws: ``Fault`` `unavailable` when it does not stop.
  @EventLoop
  static func stopLeftOver(in cluster: String) async throws(Fault) {
    guard let postmaster = read(cluster), postmaster.isRunning(cluster) else { return }
    // SIGINT: no new connections, open transactions aborted, then a checkpoint.
    kill(postmaster.id, SIGINT)
    for _ in 0..<300 where postmaster.isRunning(cluster) {
      await EventLoop.sleep(for: .milliseconds(100))
    }
    guard !postmaster.isRunning(cluster) else {
      throw .unavailable(
        "A database server from an earlier start does not stop (process \(postmaster.id))"
      )
    }
  }
}
