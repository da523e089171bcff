import EventLoop
import Faults
import Testing

@testable import ServiceKit

@Suite struct MonitoringQuestionTests {
  /// Says the same to whoever asks, and closes; nothing at all where that is nothing.
  @EventLoop private final class Peer: ConnectionHandler {
    private let connection: Connection
    private var answer: [UInt8]

    init(_ connection: Connection, _ answer: String) {
      self.connection = connection
      self.answer = Array(answer.utf8)
      connection.start(self)
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
      if !answer.isEmpty { connection.closeAfterFlush() }
    }
    func receivedEnd() {}
    func produce(into output: inout [UInt8]) {
      output += answer
      answer = []
    }
    func closed() {}
  }

  /// A process that answers what a test wants.
  @EventLoop private func process(saying answer: String) throws -> Listener {
    let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
    listener.start { _ = Peer($0, answer) }
    return listener
  }

  @Test @EventLoop func `a whole answer is taken`() async throws {
    let listener = try process(
      saying: "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 12\r\n\r\nno database\n"
    )
    defer { listener.stop() }
    let answer = try await MonitoringQuestion.ask(listener.address, "/readyz")
    #expect(answer.status == 503 && answer.text == "no database\n")
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\nok\n",
    "HTTP/1.1 200 OK\r\n\r\nok\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nok\n",
    "HTTP/2 200\r\ncontent-length: 3\r\n\r\nok\n",
    "SSH-2.0-OpenSSH\r\n",
  ])
  @EventLoop func `one that is cut, or no answer at all, is refused`(said: String) async throws {
    let listener = try process(saying: said)
    defer { listener.stop() }
    await #expect(throws: Fault.self) {
      _ = try await MonitoringQuestion.ask(listener.address, "/metrics")
    }
  }

  @Test @EventLoop func `a worker that says no without a word is not ready`() async throws {
    let listener = try process(
      saying: "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
    )
    defer { listener.stop() }
    let monitor = WorkersMonitor(Monitoring(service: "test")) { [listener.address] }
    #expect(await monitor.obstacles() == ["worker 1: it is not ready (status 503)"])
  }

  @Test @EventLoop func `a silent worker is named before whoever asks the parent gives up`()
    async throws
  {
    let silent = try process(saying: "")
    defer { silent.stop() }
    let ready = try process(saying: "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n")
    defer { ready.stop() }
    let monitor = WorkersMonitor(Monitoring(service: "test")) { [ready.address, silent.address] }
    let begun = Instant.now
    #expect(await monitor.obstacles() == ["worker 2: it does not answer"])
    #expect(Instant.now - begun < MonitoringQuestion.limit)
  }
}
