import EventLoop
import Faults
import Logging
import Messages
import Protobuf
import Synchronization
import Testing

@testable import GatewayService

/// Keeps the lines that were logged.
private final class Lines: LogHandler, Sendable {
  let kept = Mutex<[String]>([])
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    let fields = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted()
    kept.withLock { $0.append("\(event.message) \(fields.joined(separator: " "))") }
  }
}

extension GatewaySuites {
  @Suite struct FailureLogTests {
    @EventLoop private func route() throws -> ServedRoute {
      ServedRoute(
        try #require(GatewayService.Routes.all.first { $0.template.hasSuffix("by-key/{key}") })
      )
    }

    @Test @EventLoop func `a failure of ours is told with the template of its route`() throws {
      let lines = Lines()
      let log = FailureLog(Logger(label: "test") { _ in lines })
      log.note(.internalError("why"), on: try route(), requestID: "ID", after: .milliseconds(5))
      #expect(
        lines.kept.withLock { $0 } == [
          "request failed milliseconds=5 requestId=ID route=GET /api/v1/licenses/by-key/{key} status=500"
        ]
      )
    }

    @Test @EventLoop func `what the client did wrong is not told`() throws {
      let lines = Lines()
      let log = FailureLog(Logger(label: "test") { _ in lines })
      for fault in [Fault.invalid([]), .notFound("no"), Fault(.unauthenticated, "no")] {
        log.note(fault, on: try route(), requestID: "ID", after: .zero)
      }
      #expect(lines.kept.withLock { $0.isEmpty })
    }

    @Test @EventLoop func `a flood of failures is told as a number`() throws {
      let lines = Lines()
      let clock = HandClock()
      let log = FailureLog(Logger(label: "test") { _ in lines }, now: { clock.now })
      let route = try route()
      for _ in 0..<1_000 {
        log.note(.unavailable("gone"), on: route, requestID: "ID", after: .zero)
      }
      #expect(lines.kept.withLock { $0.count } == FailureLog.linesPerSecondMax)
      clock.now = clock.now + .seconds(1)
      log.note(.unavailable("gone"), on: route, requestID: "ID", after: .zero)
      let later = lines.kept.withLock { $0.dropFirst(FailureLog.linesPerSecondMax) }
      #expect(later.count == 2)
      #expect(later.first == "more requests failed count=990")
    }
  }
}
