internal import Changes
public import EventLoop
internal import Faults
internal import Logging
internal import Postgres
internal import Primitives
internal import ServiceKit

/// `latchkey audit verify`: checks the audit log of every account, without the help of any service.
@EventLoop
public enum VerifyAudit {
  /// Where the log is.
  public enum Source: Sendable {
    /// In the database of `latchkey up`, which must be running; nil for the default folder.
    case dataDirectory(String?)
    /// In any database: a libpq connection string, and the file with the password.
    case database(url: String, passwordFile: String?)
  }

  /// The log is not what was sealed.
  private static let failed: Int32 = 1
  /// It could not be read.
  private static let unreadable: Int32 = 2
  /// How long one of its statements may take: it reads everything.
  private static let statementLimit = Duration.seconds(600)

  /// Does it.
  ///
  /// - Parameters:
  ///   - source: Where the log is.
  ///   - headsFile: What an earlier run printed, which the log must still contain; nil for none.
  /// - Returns: The exit status: 0 when all is well, 1 when something is wrong, 2 when that cannot be told.
  public static func run(_ source: Source, headsFile: String?) async -> Int32 {
    let console = Console()
    // The output is for people and for a later run; what fails is told by the faults.
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    do throws(Fault) {
      let heads = try headsFile.map { (path) throws(Fault) in try AuditHeads.read(path) } ?? []
      let (found, folder) = try configuration(source)
      defer { folder?.remove() }
      var configuration = found
      configuration.sharedConnections = 1
      configuration.statementLimit = statementLimit
      configuration.applicationName = "latchkey-audit"
      let database = Database(configuration)
      database.start()
      var isWhole = true
      let result: Result<Void, Fault>
      do throws(Fault) {
        try await AuditVerifier(database: database).verify(against: heads) { report in
          isWhole = isWhole && report.problems.isEmpty
          console.say(text(of: report))
        }
        result = .success(())
      } catch {
        result = .failure(error)
      }
      await database.close(within: .seconds(1))
      try result.get()
      return isWhole ? 0 : failed
    } catch {
      console.complain(error)
      return unreadable
    }
  }

  private static func text(of report: AuditVerifier.Report) -> String {
    let waiting = report.unsealedCount == 0 ? "" : ", \(report.unsealedCount) not sealed yet"
    let verdict = report.problems.isEmpty ? "ok" : "NOT OK"
    let lines = ["\(AuditHeads.line(report.head)) \(verdict)\(waiting)"]
    return (lines + report.problems.map { "  \($0)" }).joined(separator: "\n")
  }

  /// How to connect, and the folder of the socket where there is one.
  private static func configuration(
    _ source: Source
  ) throws(Fault) -> (Database.Configuration, SocketFolder?) {
    switch source {
    case .database(let url, let passwordFile):
      guard ConnectionString.isSafe(url) else {
        throw Fault(.invalidArgument, "--database-url is not \(ConnectionString.safeForm)")
      }
      let password = try passwordFile.map { (path) throws(Fault) in try SettingsFile.readLine(path)
      }
      return (try Database.Configuration(conninfo: url, password: password), nil)
    case .dataDirectory(let path):
      let directory = try DataDirectory.chosen(path)
      guard case .ours = try directory.state() else {
        throw Fault(.failedPrecondition, "There is no Latchkey in \(directory.path)")
      }
      let folder = try SocketFolder(directory)
      let configuration = try Database.Configuration(
        conninfo: ServicePlan.connection(
          as: ServicePlan.auditorRole,
          socketFolder: folder.path
        ),
        password: SettingsFile.readLine(directory.password(of: ServicePlan.auditorRole))
      )
      return (configuration, folder)
    }
  }
}
