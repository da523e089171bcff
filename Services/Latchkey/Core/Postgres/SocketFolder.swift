internal import EventLoop
internal import Faults
internal import Glibc

/// The folder that clients find the database's socket in.
///
/// It is `run/` of the data directory, unless that path is too long for a socket address; then it is
/// a short link to it.
struct SocketFolder: Sendable {
  /// The path that connection strings name.
  let path: String
  private let temporary: String?

  /// - Throws: ``Fault`` `failedPrecondition` when the link cannot be made.
  init(_ directory: DataDirectory) throws(Fault) {
    let socket = "\(directory.run)/.s.PGSQL.\(PostgresCluster.port)"
    guard SocketAddress(unixPath: socket) == nil else {
      path = directory.run
      temporary = nil
      return
    }
    var template = Array("/tmp/latchkey-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Files.fault("Cannot make a folder in /tmp", errno)
    }
    let folder = String(
      decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
      as: UTF8.self
    )
    guard symlink(directory.run, "\(folder)/run") == 0 else {
      throw Files.fault("Cannot make a link in \(folder)", errno)
    }
    path = "\(folder)/run"
    temporary = folder
  }

  /// Removes the link, if there is one.
  func remove() {
    guard let temporary else { return }
    unlink("\(temporary)/run")
    rmdir(temporary)
  }
}
