import Cryptography
import EventLoop
import Faults
import TLS
import Testing

/// An endpoint on the loopback that does what a test tells it to, over HTTP/1.1 in TLS.
@EventLoop
final class ScriptedReceiver {
  typealias Script = @EventLoop (ReceivedRequest) -> Void

  /// What is done with each complete request; nothing at first, so that a request hangs.
  var script: Script = { _ in }
  /// What is done with each connection before anything has come; nothing at first.
  var onConnection: @EventLoop (ReceiverConnection) -> Void = { _ in }
  private(set) var requests: [ReceivedRequest] = []
  private(set) var connections: [ReceiverConnection] = []
  let port: UInt16
  /// The authority of its certificate, in PEM.
  let authority: String
  let listener: Listener
  private let context: TLSContext?
  private var waiters: [(condition: () -> Bool, done: CheckedContinuation<Void, Never>)] = []

  /// Starts one whose certificate is valid for the given names; without any it speaks plain HTTP.
  init(
    names: [CertificateName] = [.dns("localhost"), .dns("hooks.test")],
    ip: String = "127.0.0.1"
  ) throws {
    listener = try Listener(try #require(SocketAddress(ip: ip, port: 0)))
    port = listener.address.port
    if names.isEmpty {
      context = nil
      authority = ""
    } else {
      let issuer = try CertificateAuthority.make(commonName: "Test authority")
      let issued = try issuer.issue(commonName: "receiver", names: names, usage: .server)
      authority = String(decoding: issuer.certificatePEM, as: UTF8.self)
      context = try TLSContext(
        .server(
          identity: TLSIdentity(
            certificateChain: issued.chainPEM,
            privateKey: issued.privateKeyPEM
          ),
          applicationProtocols: ["http/1.1"]
        )
      )
    }
    listener.start { [unowned self] connection in
      do throws(Fault) {
        let session = try context.map { context throws(Fault) in try TLSSession(context) }
        let received = ReceiverConnection(connection, session, self)
        connections.append(received)
        received.start()
        onConnection(received)
        settle()
      } catch {
        connection.close()
      }
    }
  }

  /// How many connections are open.
  var openCount: Int { connections.count { !$0.isEnded } }

  /// Stops listening and closes all connections.
  func stop() {
    listener.stop()
    for connection in connections { connection.close() }
  }

  /// Suspends until something holds; checked whenever something has come.
  ///
  /// The suite's time limit ends a vain wait.
  func wait(until condition: @escaping @EventLoop () -> Bool) async {
    if condition() { return }
    await withCheckedContinuation { waiters.append(({ condition() }, $0)) }
  }

  func received(_ request: ReceivedRequest) {
    requests.append(request)
    script(request)
    settle()
  }

  func settle() {
    let before = waiters
    waiters = []
    for waiter in before {
      if waiter.condition() { waiter.done.resume() } else { waiters.append(waiter) }
    }
  }
}

/// One request as it came.
@EventLoop
final class ReceivedRequest {
  /// The request line and the headers.
  let head: String
  let body: [UInt8]
  let connection: ReceiverConnection

  init(head: String, body: [UInt8], connection: ReceiverConnection) {
    self.head = head
    self.body = body
    self.connection = connection
  }

  /// The value of a header.
  func value(_ name: String) -> String? {
    head.split(separator: "\r\n").dropFirst().first {
      $0.lowercased().hasPrefix("\(name.lowercased()):")
    }
    .map { String($0.drop { $0 != ":" }.dropFirst().drop { $0 == " " }) }
  }

  /// Answers in full.
  func answer(_ status: String = "200 OK", _ headers: [String] = [], body: String = "") {
    let lines = ["HTTP/1.1 \(status)"] + headers + ["Content-Length: \(body.utf8.count)"]
    connection.send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
  }
}

/// One connection to a ``ScriptedReceiver``.
@EventLoop
final class ReceiverConnection: ConnectionHandler {
  private let connection: Connection
  private let session: TLSSession?
  private unowned let receiver: ScriptedReceiver
  private var toSend: [UInt8] = []
  private var input: [UInt8] = []
  private(set) var isEnded = false

  init(_ connection: Connection, _ session: TLSSession?, _ receiver: ScriptedReceiver) {
    self.connection = connection
    self.session = session
    self.receiver = receiver
  }

  func start() { connection.start(self) }

  func send(_ text: String) {
    toSend += text.utf8
    connection.setNeedsFlush()
  }

  func close() { connection.close() }

  /// Ends the connection once all that was sent is out.
  func closeAfterFlush() { connection.closeAfterFlush() }

  /// Reads nothing more, so that the peer's sending is held up.
  func pauseReading() { connection.pauseReading() }

  func received(_ bytes: UnsafeRawBufferPointer) {
    do throws(Fault) {
      if let session {
        try session.receive(bytes) { input += $0 }
      } else {
        input += bytes
      }
    } catch {
      // The client has refused the certificate.
    }
    connection.setNeedsFlush()
    while let request = takeRequest() { receiver.received(request) }
    receiver.settle()
  }

  private func takeRequest() -> ReceivedRequest? {
    let end = Array("\r\n\r\n".utf8)
    guard input.count >= 4,
      let split = (0...input.count - 4).first(where: { input[$0..<$0 + 4] == end[...] })
    else { return nil }
    let head = String(decoding: input[..<split], as: UTF8.self)
    let request = ReceivedRequest(head: head, body: [], connection: self)
    let length = request.value("content-length").flatMap { Int($0) } ?? 0
    guard input.count >= split + 4 + length else { return nil }
    let body = Array(input[(split + 4)..<(split + 4 + length)])
    input.removeFirst(split + 4 + length)
    return ReceivedRequest(head: head, body: body, connection: self)
  }

  func receivedEnd() {}

  func produce(into output: inout [UInt8]) {
    session?.takeOutput(appendingTo: &output)
    guard !toSend.isEmpty, session?.isEstablished ?? true else { return }
    let part = Array(toSend.prefix(65_536))
    toSend.removeFirst(part.count)
    guard let session else {
      output += part
      return
    }
    part.withUnsafeBytes { bytes in
      do throws(Fault) {
        try session.write(bytes, appendingTo: &output)
      } catch {
        Issue.record("the receiver could not write: \(error)")
      }
    }
  }

  func closed() {
    isEnded = true
    receiver.settle()
  }
}
