internal import Faults
internal import Glibc

/// The user that the database runs as: Postgres refuses to run as root.
struct DatabaseUser: Sendable, Equatable {
  /// The user that Debian's server packages make.
  static let nameForRoot = "postgres"

  let name: String
  let id: uid_t
  let group: gid_t
  /// Whether it is the user of this process, so that nothing has to change hands.
  let isSelf: Bool

  /// Ourselves, or, when we are root, the user that Debian made for Postgres.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when that one does not exist.
  static func find() throws(Fault) -> DatabaseUser {
    guard geteuid() == 0 else {
      return DatabaseUser(name: "\(geteuid())", id: geteuid(), group: getegid(), isSelf: true)
    }
    guard let entry = getpwnam(nameForRoot) else {
      throw Fault(
        .failedPrecondition,
        "There is no user '\(nameForRoot)' to run the database as;"
          + " install Debian's package postgresql-15, or run latchkey as a user other than root"
      )
    }
    return DatabaseUser(
      name: nameForRoot,
      id: entry.pointee.pw_uid,
      group: entry.pointee.pw_gid,
      isSelf: false
    )
  }
}
