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
        "LATCHKEY_TEST_POSTGRES is not set: run the tests as `Tests/with-postgres swift test`"
      )
    }
    return try Database.Configuration(conninfo: conninfo)
  }

  /// The path of a file of the repository.
  public static func repositoryPath(_ path: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent(path).path
  }

  /// Reads a file of the repository, such as the SQL that an administrator runs.
  public static func repositoryFile(_ path: String) throws(Fault) -> String {
    do {
      return try String(contentsOfFile: repositoryPath(path), encoding: .utf8)
    } catch {
      throw Fault(.internalError, "The file \(path) cannot be read", cause: error)
    }
  }
}

extension TestServer {
  /// The port on 127.0.0.1 that the same server listens at.
  ///
  /// - Throws: ``Fault`` as ``configuration()``.
  public static func port() throws(Fault) -> Int {
    _ = try configuration()
    guard let text = ProcessInfo.processInfo.environment["LATCHKEY_TEST_POSTGRES_PORT"],
      let port = Int(text)
    else { throw Fault(.failedPrecondition, "LATCHKEY_TEST_POSTGRES_PORT is not set") }
    return port
  }
}
