internal import Faults
internal import Glibc

/// The folder that holds everything of one development deployment, and what lies where in it.
///
/// ```
/// latchkey-data     says that the folder is ours, and how it is laid out
/// lock              held while `latchkey up` runs; its text is that process's id
/// dev.env           what users and tests need to know to use the deployment
/// account-id        the first account's id
/// postgres/         the database cluster; it and run/ belong to the database user
/// run/              the database's socket
/// secrets/          passwords and master keys
/// certificates/     authorities, certificates and their keys
/// logs/             one file a process
/// ```
struct DataDirectory: DeploymentFiles, Equatable {
  /// The absolute path, without a slash at the end.
  let path: String

  var marker: String { "\(path)/latchkey-data" }
  var lock: String { "\(path)/lock" }
  var environmentFile: String { "\(path)/dev.env" }
  var accountIDFile: String { "\(path)/account-id" }
  var postgres: String { "\(path)/postgres" }
  /// Where a cluster is made; it becomes `postgres` once it is whole.
  var unfinishedPostgres: String { "\(path)/postgres.unfinished" }
  var run: String { "\(path)/run" }
  var secrets: String { "\(path)/secrets" }
  var masterKeys: String { "\(secrets)/master-keys" }
  /// The signing service's own.
  var signingMasterKeys: String { "\(secrets)/signing-master-keys" }
  var certificates: String { "\(path)/certificates" }
  var authorities: String { certificates }
  var wantedCertificates: [DeploymentCertificates.Wanted] { DeploymentCertificates.wanted }
  var logs: String { "\(path)/logs" }

  /// The file with the master keys of a service; nil where it keeps nothing encrypted.
  ///
  /// What signing keys are sealed with is known to the signing service alone.
  func masterKeys(of service: ServiceName) -> String? {
    switch service {
    case .keys, .licenses, .webhooks: masterKeys
    case .signing: signingMasterKeys
    case .gateway: nil
    }
  }
  func log(of process: String) -> String { "\(logs)/\(process).log" }
  func password(of role: String) -> String { "\(secrets)/\(role).password" }
  func certificates(of name: String) -> String { certificates }

  /// What the marker file of this layout says.
  static let layout = "latchkey data directory, layout 1\n"

  /// The directory at a path that a user gave, or the default one.
  ///
  /// - Parameters:
  ///   - path: Relative to `currentDirectory` unless it begins with a slash; nil for the default.
  ///   - isRoot: Root's default lies below /var/lib: its home is no place for a database.
  ///   - currentDirectory: Where the process was started.
  init(_ path: String?, isRoot: Bool, currentDirectory: String) {
    self.path = Files.absolute(
      path ?? (isRoot ? "/var/lib/latchkey" : ".latchkey"),
      in: currentDirectory
    )
  }

  /// The directory for a choice that this process's user made in its current folder.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when there is no current folder any more.
  static func chosen(_ path: String?) throws(Fault) -> DataDirectory {
    DataDirectory(
      path,
      isRoot: geteuid() == 0,
      currentDirectory: try Files.currentDirectory()
    )
  }

  /// Whether the folder already holds a database, so that nothing else in it may be made anew.
  var hasDatabase: Bool { access("\(postgres)/PG_VERSION", F_OK) == 0 }

  /// Makes the folder, or checks that it is one of ours; then makes the folders in it.
  ///
  /// - Throws: ``Fault`` with one sentence, when it is a folder of something else, or was made by a
  ///   later version, or cannot be made.
  func prepare() throws(Fault) {
    switch try state() {
    case .absent:
      try Files.makeDirectories(path)
      try Files.write(DataDirectory.layout, to: marker)
    case .empty:
      try Files.write(DataDirectory.layout, to: marker)
    case .ours:
      break
    }
    try Files.makePrivate(path)
    for folder in [secrets, certificates, logs] { try Files.makeDirectory(folder) }
  }

  /// What is at the path now.
  enum State {
    case absent, empty, ours
  }

  /// Looks at the folder without changing anything.
  ///
  /// - Throws: ``Fault`` with one sentence, when it is not ours to use.
  func state() throws(Fault) -> State {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT { return .absent }
      throw Files.fault("Cannot use \(path)", errno)
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw Fault(
        .failedPrecondition,
        "\(path) is not a folder; choose another one with --data-dir"
      )
    }
    guard status.st_uid == geteuid() else {
      throw Fault(
        .failedPrecondition,
        "\(path) belongs to another user; choose another folder with --data-dir"
      )
    }
    guard access(marker, F_OK) == 0 else {
      guard try Files.entries(of: path).isEmpty else {
        throw Fault(
          .failedPrecondition,
          "\(path) holds something that is not Latchkey's; choose an empty or a new folder"
            + " with --data-dir"
        )
      }
      return .empty
    }
    guard try Files.read(marker) == DataDirectory.layout else {
      throw Fault(
        .failedPrecondition,
        "\(path) was made by another version of Latchkey; use that one, or another --data-dir"
      )
    }
    return .ours
  }
}
