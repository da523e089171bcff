import EventLoop
import Faults
import HTTP
import Testing

@testable import GatewayService

/// What waits until something holds, with a limit in time.
@EventLoop
class Waiting {
  private var waiters: [(condition: () -> Bool, done: CheckedContinuation<Bool, Never>)] = []

  /// Waits until something holds, and says whether it did in time.
  func wait(
    for duration: Duration = .seconds(20),
    until condition: @escaping () -> Bool
  ) async -> Bool {
    if condition() { return true }
    let limit = LoopTimer(after: duration) { [unowned self] in settle(all: true) }
    defer { limit.cancel() }
    return await withCheckedContinuation { waiters.append((condition, $0)) }
  }

  func settle(all: Bool = false) {
    let before = waiters
    waiters = []
    for waiter in before {
      let holds = waiter.condition()
      if holds || all { waiter.done.resume(returning: holds) } else { waiters.append(waiter) }
    }
  }
}

/// A request over a real HTTP/2 connection.
@EventLoop
final class HTTP2Peer: Waiting, ResponseHandler {
  private(set) var body: [UInt8] = []
  private(set) var isOver = false
  /// Whether what comes is taken; the server is held up otherwise.
  var isReading = true {
    didSet { if isReading, let stream { received(stream) } }
  }
  private(set) var stream: HTTP2Stream?

  init(
    _ connection: HTTP2ClientConnection,
    _ method: StaticString,
    _ path: String,
    _ fields: [(String, String)]
  ) throws {
    super.init()
    var all = HeaderFields()
    for (name, value) in fields { all.append(named: name, value) }
    let opened: HTTP2Stream = try #require(
      connection.open(method: method, path: path, fields: all, handler: self)
    )
    stream = opened
  }

  var status: Int { stream?.status ?? 0 }
  var text: String { String(decoding: body, as: UTF8.self) }
  /// Whether the answer has come to its proper end.
  var isComplete: Bool { stream?.isRequestComplete ?? false }

  func received(_ stream: HTTP2Stream) {
    if isReading { body += stream.takeReceived() }
    settle()
  }

  func drained(_ stream: HTTP2Stream) { settle() }

  func closed(_ stream: HTTP2Stream) {
    if isReading { body += stream.takeReceived() }
    isOver = true
    settle()
  }
}

/// A client of a plain socket that leaves HTTP/1.1 to the test.
@EventLoop
final class HTTP1Peer: Waiting, ConnectionHandler {
  private let connection: Connection
  private var toSend: [UInt8] = []
  private(set) var bytes: [UInt8] = []
  private(set) var isOver = false

  init(_ connection: Connection) {
    self.connection = connection
    super.init()
    connection.start(self)
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    toSend += bytes
    connection.setNeedsFlush()
  }

  func close() { connection.close() }

  func received(_ bytes: UnsafeRawBufferPointer) {
    self.bytes += bytes
    settle()
  }

  func receivedEnd() {
    isOver = true
    settle()
  }

  func produce(into output: inout [UInt8]) {
    output += toSend
    toSend = []
  }

  func closed() {
    isOver = true
    settle()
  }
}

/// The depot's gateway on real sockets; without TLS, which is no matter here.
@EventLoop
struct DepotSockets {
  private let server: HTTPServer
  private let listener: Listener

  /// Runs a test with a gateway that listens.
  static func use(
    _ httpProtocol: HTTPServer.HTTPProtocol,
    _ body: @EventLoop @Sendable (DepotFixture, DepotSockets) async throws -> Void
  ) async throws {
    try await DepotFixture.use { fixture in
      let sockets = try DepotSockets(try fixture.gateway, httpProtocol)
      do {
        try await body(fixture, sockets)
      } catch {
        await sockets.stop()
        throw error
      }
      await sockets.stop()
    }
  }

  func stop() async { await server.drain(timeout: .milliseconds(100)) }

  init(_ gateway: Gateway, _ httpProtocol: HTTPServer.HTTPProtocol) throws {
    listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
    server = HTTPServer(handler: gateway, tls: nil, plaintextProtocol: httpProtocol)
    server.serve(listener)
  }

  func connect() async throws -> HTTP2ClientConnection {
    try await HTTP2ClientConnection.connect(
      to: listener.address,
      tls: nil,
      serverName: "localhost"
    )
  }

  func connectHTTP1() async throws -> HTTP1Peer {
    HTTP1Peer(try await Connection.connect(to: listener.address, timeout: .seconds(5)))
  }
}
