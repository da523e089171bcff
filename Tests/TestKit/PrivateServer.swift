public import EventLoop
public import Faults
import Foundation
import Glibc
public import Postgres

/// A Postgres server of one test's own, for tests that stop it, kill it and start it again.
///
/// It is thrown away when ``stop()`` is called, and also when the test process ends, however it does:
/// the script that runs it sees the end of its standard input.
@EventLoop
public final class PrivateServer {
  /// How long the script may take to make a server on a busy machine.
  private static let startLimit: Duration = .seconds(60)

  /// How to connect to it, as its superuser.
  public let configuration: Database.Configuration
  private let script: ChildProcess
  private let input: Int32
  private let controlPath: String

  private init(
    configuration: Database.Configuration,
    script: ChildProcess,
    input: Int32,
    controlPath: String
  ) {
    self.configuration = configuration
    self.script = script
    self.input = input
    self.controlPath = controlPath
  }

  /// Starts a server; takes a second or two.
  ///
  /// - Throws: ``Fault`` `internalError` when the script fails, with its own words on standard error.
  public static func start() async throws(Fault) -> PrivateServer {
    let answer = "/tmp/latchkey-server-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
    defer { unlink(answer) }
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .internalError("No pipe can be made") }
    // The end that keeps the server alive must be this process's alone.
    _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
    let script = try ChildProcess(
      ChildProcess.Configuration(
        program: TestServer.repositoryPath("Tests/with-postgres"),
        arguments: [
          "sh", "-c",
          #"printf '%s\n%s\n' "$LATCHKEY_TEST_POSTGRES" "$LATCHKEY_TEST_POSTGRES_CONTROL" >"$0.new" && mv "$0.new" "$0" && exec cat >/dev/null"#,
          answer,
        ],
        environment: environment,
        descriptors: [ends[0], 2, 2],
        isDetached: true
      )
    )
    close(ends[0])
    let limit = Instant.now + startLimit
    while script.exit == nil, Instant.now < limit, access(answer, F_OK) != 0 {
      await EventLoop.sleep(for: .milliseconds(20))
    }
    let lines = ((try? String(contentsOfFile: answer, encoding: .utf8)) ?? "").split(
      separator: "\n"
    )
    .map(String.init)
    guard lines.count == 2 else {
      close(ends[1])
      throw .internalError("Tests/with-postgres did not start a server")
    }
    return PrivateServer(
      configuration: try Database.Configuration(conninfo: lines[0]),
      script: script,
      input: ends[1],
      controlPath: lines[1]
    )
  }

  /// Calls `pg_ctl` on it: `control("restart", "-m", "immediate")`.
  ///
  /// - Throws: ``Fault`` `internalError` when pg_ctl fails.
  public func control(_ arguments: String...) async throws(Fault) {
    let process = try ChildProcess(
      ChildProcess.Configuration(
        program: controlPath,
        arguments: arguments,
        environment: PrivateServer.environment,
        descriptors: [nil, nil, 2]
      )
    )
    let exit = await process.waitForExit()
    guard exit.isSuccess else { throw .internalError("pg_ctl \(arguments): \(exit)") }
  }

  /// Throws the server away.
  public func stop() async {
    close(input)
    _ = await script.waitForExit()
  }

  private static var environment: [String] {
    ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
  }
}
