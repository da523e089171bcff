internal import EventLoop
internal import Faults
internal import Glibc
internal import ServiceKit

/// The private database cluster of one data directory.
///
/// Postgres gets its folders as open descriptors and finds them under `/proc/self/fd`. So it need not
/// be able to enter the folders above them, which matters when we are root and Postgres is not, and the
/// path of its socket is short, wherever the data directory lies.
@EventLoop
final class PostgresCluster {
  /// The administrator whom `initdb` makes.
  nonisolated static let administrator = "latchkey_admin"
  /// The number in the socket's name; there is no TCP port.
  nonisolated static let port = 5432
  /// Changes a process's user and has the kernel signal it when its parent is gone.
  nonisolated private static let setpriv = "/usr/bin/setpriv"

  private let directory: DataDirectory
  private let user: DatabaseUser
  private let installation: PostgresInstallation
  private let log: LogFile
  /// Kept open for the server's restarts.
  private var folders: FolderDescriptors?

  /// - Throws: ``Fault`` `failedPrecondition` when a program is missing or the log cannot be opened.
  init(
    _ directory: DataDirectory,
    user: DatabaseUser,
    installation: PostgresInstallation
  ) throws(Fault) {
    guard access(PostgresCluster.setpriv, X_OK) == 0 else {
      throw Fault(
        .failedPrecondition,
        "\(PostgresCluster.setpriv) is missing; install the package util-linux"
      )
    }
    self.directory = directory
    self.user = user
    self.installation = installation
    log = try LogFile(directory.log(of: "postgres"))
  }

  /// Makes the cluster.
  ///
  /// Nothing is left behind by an attempt that did not get to its end.
  ///
  /// - Parameter password: The administrator's.
  /// - Throws: ``Fault`` `failedPrecondition` when `initdb` fails, `cancelled` when the task is.
  func make(password: String) async throws(Fault) {
    try Files.removeTree(directory.unfinishedPostgres)
    try Files.makeDirectory(directory.unfinishedPostgres)
    try Files.give(directory.unfinishedPostgres, to: user)
    let passwordFile = "\(directory.run)/administrator"
    try Files.write("\(password)\n", to: passwordFile)
    defer { unlink(passwordFile) }
    try Files.give(passwordFile, to: user)

    let folders = try FolderDescriptors(directory.unfinishedPostgres, directory.run)
    try await Command.run(
      "Making the database",
      configuration(
        program: installation.initdb,
        arguments: [
          "--pgdata=\(FolderDescriptors.dataPath)",
          "--username=\(PostgresCluster.administrator)",
          "--pwfile=\(FolderDescriptors.runPath)/administrator",
          "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
          "--no-instructions",
        ],
        endSignal: "KILL",
        folders
      ),
      log: log.path
    )
    guard rename(directory.unfinishedPostgres, directory.postgres) == 0 else {
      throw Files.fault("Cannot name \(directory.postgres)", errno)
    }
  }

  /// The server, to be supervised.
  ///
  /// It ends when we do, even if we are killed: the kernel then sends it SIGINT, which asks for a
  /// quick orderly shutdown.
  func server() throws(Fault) -> SupervisedProcess.Plan {
    let folders = try FolderDescriptors(directory.postgres, directory.run)
    self.folders = folders
    let settings = [
      "listen_addresses=", "unix_socket_directories=\(FolderDescriptors.runPath)",
      "unix_socket_permissions=0700", "port=\(PostgresCluster.port)", "cluster_name=latchkey",
      // Room for the rows and indexes of a million licenses; memory is taken as they fill it.
      "shared_buffers=512MB",
      "jit=off", "timezone=UTC", "log_timezone=UTC", "log_line_prefix=%m [%p] ",
    ]
    return SupervisedProcess.Plan(
      name: "postgres",
      configuration: configuration(
        program: installation.postgres,
        arguments: ["-D", FolderDescriptors.dataPath] + settings.flatMap { ["-c", $0] },
        endSignal: "INT",
        folders
      ),
      stopSignal: SIGINT,
      stopLimit: .seconds(30),
      // SIGKILL would leave its children and its shared memory behind.
      killSignal: SIGQUIT
    )
  }

  /// A program run as the database user, with the folders as its descriptors 3 and 4.
  private func configuration(
    program: String,
    arguments: [String],
    endSignal: String,
    _ folders: FolderDescriptors
  ) -> ChildProcess.Configuration {
    var options = ["--pdeathsig=\(endSignal)"]
    if !user.isSelf {
      options += ["--reuid=\(user.id)", "--regid=\(user.group)", "--clear-groups"]
    }
    return ChildProcess.Configuration(
      program: PostgresCluster.setpriv,
      arguments: options + [program] + arguments,
      environment: ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC"],
      descriptors: [nil, log.descriptor, log.descriptor, folders.data, folders.run],
      directory: "/",
      isDetached: true
    )
  }
}
