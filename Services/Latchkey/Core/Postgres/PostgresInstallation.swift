internal import Faults
internal import Glibc

/// The server programs of one major version, as Debian's package lays them out.
struct PostgresInstallation: Sendable, Equatable {
  /// Where Debian puts them, a folder a major version.
  static let root = "/usr/lib/postgresql"
  /// The oldest version that has all we use.
  static let oldestMajor = 15

  let major: Int
  let binaries: String

  var initdb: String { "\(binaries)/initdb" }
  var postgres: String { "\(binaries)/postgres" }

  /// The newest installation, or the one that an existing cluster was made with.
  ///
  /// - Parameters:
  ///   - cluster: The major version of the existing cluster; nil when there is none yet.
  ///   - root: Where to look.
  /// - Returns: Where its programs are.
  /// - Throws: ``Fault`` `failedPrecondition` with the name of the package that is missing.
  static func find(
    for cluster: Int?,
    below root: String = PostgresInstallation.root
  ) throws(Fault) -> PostgresInstallation {
    let names = (try? Files.entries(of: root)) ?? []
    let found = names.compactMap { Int($0) }.sorted(by: >).map {
      PostgresInstallation(major: $0, binaries: "\(root)/\($0)/bin")
    }.filter { access($0.postgres, X_OK) == 0 && access($0.initdb, X_OK) == 0 }
    if let cluster {
      guard let installation = found.first(where: { $0.major == cluster }) else {
        throw Fault(
          .failedPrecondition,
          "The database was made with PostgreSQL \(cluster), which is not installed;"
            + " install the package postgresql-\(cluster)"
        )
      }
      return installation
    }
    guard let newest = found.first, newest.major >= oldestMajor else {
      throw Fault(
        .failedPrecondition,
        "PostgreSQL \(oldestMajor) or later is not installed; install the package"
          + " postgresql-\(oldestMajor) (make run does that)"
      )
    }
    return newest
  }

  /// The major version that a cluster was made with.
  ///
  /// - Throws: ``Fault`` `dataLoss` when its version file says nothing of use.
  static func major(ofCluster path: String) throws(Fault) -> Int {
    let text = try Files.read("\(path)/PG_VERSION")
    guard let line = text.split(separator: "\n").first, let major = Int(line) else {
      throw Fault(
        .dataLoss,
        "The database in \(path) is damaged: PG_VERSION is unreadable;"
          + " restore it from a backup, or start anew with another --data-dir"
      )
    }
    return major
  }
}
