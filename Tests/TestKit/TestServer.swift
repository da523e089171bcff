public import Faults
import Foundation
public import Postgres

/// The private Postgres server that `Tests/with-postgres` started for this run.
public enum TestServer {
  /// How to connect to it, as its superuser.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when the tests were not started through the script. A
  ///   missing server fails a test; it never skips one.
  public static func configuration() throws(Fault) -> Database.Configuration {
    guard let conninfo = ProcessInfo.processInfo.environment["LATCHKEY_TEST_POSTGRES"] else {
      throw Fault(
        .failedPrecondition,
        "LATCHKEY_TEST_POSTGRES is not set: run the tests as `Tests/with-postgres swift test`")
    }
    return try Database.Configuration(conninfo: conninfo)
  }

  /// Reads a file of the repository, such as the SQL that an administrator runs.
  public static func repositoryFile(_ path: String) throws(Fault) -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    do {
      return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    } catch {
      throw Fault(.internalError, "The file \(path) cannot be read", cause: error)
    }
  }
}
