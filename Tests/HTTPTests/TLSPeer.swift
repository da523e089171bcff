import Cryptography
import EventLoop
import Faults
import TLS
import Testing

@testable import HTTP

/// A client of a real socket that speaks TLS and leaves HTTP to the test.
@EventLoop
final class TLSPeer: ConnectionHandler {
  private let connection: Connection
  private let session: TLSSession
  private var toSend: [UInt8] = []
  private var sentCount = 0
  private var waiting: [(condition: (TLSPeer) -> Bool, done: CheckedContinuation<Bool, Never>)] = []

  private(set) var received: [UInt8] = []
  /// Whether the server has ended its side in the way of TLS, so that nothing can be missing.
  var isEndedCleanly: Bool { session.isPeerClosed }
  private(set) var isEnded = false
  /// Whether the connection was gone before the server had ended its side.
  private(set) var isCut = false
  /// What came of the server while the test has it wait; nil where it does not.
  private(set) var held: [UInt8]?
  private(set) var fault: Fault?

  var text: String { String(decoding: received, as: UTF8.self) }
  var hasSentAll: Bool { sentCount == toSend.count }
  var applicationProtocol: String? { session.applicationProtocol }

  init(_ connection: Connection, _ context: TLSContext, isHolding: Bool = false) throws {
    self.connection = connection
    held = isHolding ? [] : nil
    session = try TLSSession(context, serverName: "localhost")
    connection.start(self)
    connection.setNeedsFlush()
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    toSend += bytes
    connection.setNeedsFlush()
  }

  func close() { connection.close() }

  func stopReading() { connection.pauseReading() }

  /// Takes what came while it was held, and all that follows.
  func goOn() {
    let bytes = held ?? []
    held = nil
    bytes.withUnsafeBytes { received($0) }
  }

  /// Waits until something holds, and says whether it did in time.
  func wait(
    for duration: Duration = .seconds(5),
    until condition: @escaping (TLSPeer) -> Bool
  ) async -> Bool {
    if condition(self) { return true }
    let limit = LoopTimer(after: duration) { [unowned self] in settle(all: true) }
    defer { limit.cancel() }
    return await withCheckedContinuation { waiting.append((condition, $0)) }
  }

  private func settle(all: Bool = false) {
    let before = waiting
    waiting = []
    for waiter in before {
      let holds = waiter.condition(self)
      if holds || all { waiter.done.resume(returning: holds) } else { waiting.append(waiter) }
    }
  }

  func received(_ bytes: UnsafeRawBufferPointer) {
    guard held == nil else {
      held? += bytes
      settle()
      return
    }
    do throws(Fault) {
      try session.receive(bytes) { received += $0 }
    } catch {
      fault = error
    }
    connection.setNeedsFlush()
    settle()
  }

  func receivedEnd() {
    isEnded = true
    settle()
  }

  func produce(into output: inout [UInt8]) {
    session.takeOutput(appendingTo: &output)
    guard session.isEstablished, !hasSentAll else { return }
    let end = min(toSend.count, sentCount + 65_536)
    toSend.withUnsafeBytes { bytes in
      do throws(Fault) {
        try session.write(bytes.part(sentCount..<end), appendingTo: &output)
      } catch {
        fault = error
      }
    }
    sentCount = end
    settle()
  }

  func closed() {
    isCut = !isEnded
    isEnded = true
    settle()
  }
}

/// A server on a free port of the loopback, and the means to reach it.
@EventLoop
struct TestHTTPServer {
  let server: HTTPServer
  let handler = ScriptedHandler()
  let listener: Listener
  private let clientContext: TLSContext

  init(clientProtocols: [String] = ["http/1.1"]) throws {
    let authority = try CertificateAuthority.make(commonName: "Test authority")
    let issued = try authority.issue(
      commonName: "localhost",
      names: [.dns("localhost")],
      usage: .server
    )
    server = HTTPServer(
      handler: handler,
      tls: try TLSContext(
        .server(
          identity: TLSIdentity(
            certificateChain: issued.chainPEM,
            privateKey: issued.privateKeyPEM
          ),
          applicationProtocols: ["h2", "http/1.1"]
        )
      )
    )
    clientContext = try TLSContext(
      .client(authorities: authority.certificatePEM, applicationProtocols: clientProtocols)
    )
    listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
    server.serve(listener)
  }

  func connect(isHolding: Bool = false) async throws -> TLSPeer {
    try TLSPeer(try await connectPlain(), clientContext, isHolding: isHolding)
  }

  func connectPlain() async throws -> Connection {
    try await Connection.connect(to: listener.address, timeout: .seconds(5))
  }
}
