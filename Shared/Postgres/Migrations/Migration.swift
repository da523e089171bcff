internal import Cryptography
internal import Faults

/// One ordered step of a schema, as SQL that is embedded in the program.
///
/// A step that was released is never edited: what comes later is a step of its own. Steps must need no
/// downtime, since the previous release still runs beside them: first expand, and contract only when
/// nothing uses the old shape.
public struct Migration: Sendable {
  /// A name that orders it among the others, such as `m0003_outbox`.
  public let name: String
  /// The SQL, of any number of statements; they are run in one transaction.
  public let sql: String

  /// Makes a step.
  public init(name: String, sql: String) {
    self.name = name
    self.sql = sql
  }

  /// Makes a step of a file that the package manager embedded (`PackageResources.m0003_outbox_sql`).
  public init(name: String, bytes: [UInt8]) {
    self.init(name: name, sql: String(decoding: bytes, as: UTF8.self))
  }

  /// What tells whether the step was edited after it was applied.
  var hash: [UInt8] { SHA256.hash(Array(sql.utf8)) }
}

/// A step that the database has.
struct AppliedMigration: Equatable {
  let name: String
  let hash: [UInt8]
}

/// What has to be done to bring a schema up to date: pure.
enum MigrationPlan {
  /// The steps that are still to be applied, in order.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when the database and the program do not share a history:
  ///   an edited step, a step that the program does not know, or one that would come too late.
  static func make(
    _ migrations: [Migration],
    applied: [AppliedMigration]
  ) throws(Fault) -> [Migration] {
    for (earlier, later) in zip(migrations, migrations.dropFirst()) where earlier.name >= later.name
    {
      preconditionFailure("Migrations are not in order: \(earlier.name), \(later.name)")
    }
    for (index, done) in applied.enumerated() {
      guard let known = migrations.first(where: { $0.name == done.name }) else {
        throw refused(
          "The database has the migration \(done.name), which this release does not know; run a newer release"
        )
      }
      guard known.hash == done.hash else {
        throw refused(
          "The migration \(done.name) was edited after it had been applied; undo the edit and add a new one"
        )
      }
      guard migrations[index].name == done.name else {
        throw refused(
          "The migration \(migrations[index].name) comes before \(done.name), which has been applied already"
        )
      }
    }
    return Array(migrations.dropFirst(applied.count))
  }

  private static func refused(_ message: String) -> Fault { Fault(.failedPrecondition, message) }
}
