import EventLoop

@testable import HTTP

/// An HTTP/1.1 server session without a socket: what a peer sends goes in, what it would get is kept.
@EventLoop
final class SessionHarness {
  let handler = ScriptedHandler()
  let budget = BodyBudget()
  private(set) var session: HTTP1ServerSession?
  /// Everything sent to the peer.
  private(set) var output: [UInt8] = []
  /// Whether the session would keep the connection.
  private(set) var isOpen = true
  private(set) var isHeld = false
  private var needsFlush = false
  /// Output bytes asked for at a time.
  var target = Connection.outputBytesTarget

  init(limits: HTTPLimits = HTTPLimits(), _ respond: @escaping ScriptedHandler.Respond) {
    handler.respond = respond
    session = HTTP1ServerSession(
      handler: handler,
      limits: limits,
      budget: budget,
      origin: RequestOrigin(address: nil, identity: nil, isSecure: true),
      requestFlush: { [unowned self] in needsFlush = true },
      holdPeer: { [unowned self] in isHeld = $0 }
    )
  }

  var text: String { String(decoding: output, as: UTF8.self) }

  /// The status lines of the answers so far.
  var statusLines: [Substring] {
    text.ranges(of: "HTTP/1.1 ").map { text[$0.lowerBound...].prefix { $0 != "\r\n" } }
  }

  /// Sends text in pieces of a size, and flushes as the loop does at the end of a tick.
  func send(_ text: String, pieceSize: Int = .max) { send(Array(text.utf8), pieceSize: pieceSize) }

  func send(_ bytes: [UInt8], pieceSize: Int = .max) {
    var start = 0
    while start < bytes.count, isOpen {
      let count = min(pieceSize, bytes.count - start)
      bytes.withUnsafeBytes { all in
        if session?.receive(all.part(start..<(start + count))) == false { isOpen = false }
      }
      start += count
      flush()
    }
  }

  /// Takes the output, as the connection does while it can send.
  func flush() {
    while needsFlush {
      needsFlush = false
      var produced: [UInt8] = []
      if session?.produce(into: &produced, target: target) == false { isOpen = false }
      output += produced
      // A connection asks again once it has sent what it got.
      if !produced.isEmpty { needsFlush = true }
    }
  }

  /// Looks for time-outs as the server does, some time from now.
  func checkTimeouts(in duration: Duration) {
    if session?.checkTimeouts(at: Instant.now + duration) == false { isOpen = false }
    flush()
  }

  func disconnect() {
    session?.connectionClosed()
    session = nil
    isOpen = false
  }
}

/// A request handler that does what a test says, and notes what it was told.
@EventLoop
final class ScriptedHandler: RequestHandler {
  typealias Respond = @EventLoop (any ServerStream) -> Void

  /// Called once a request is complete.
  var respond: Respond = { _ in }
  /// Called for each head.
  var onHead: Respond = { _ in }
  /// Called for each piece of a body; without it bodies are gathered.
  var onBody: Respond = { $0.acknowledgeReceived() }
  var onDrained: Respond = { _ in }
  private(set) var heads: [RequestHead] = []
  private(set) var bodies: [[UInt8]] = []
  private(set) var closedCount = 0
  private(set) var streams: [any ServerStream] = []

  func receivedHead(_ stream: any ServerStream) {
    heads.append(stream.request)
    streams.append(stream)
    onHead(stream)
  }

  func receivedBody(_ stream: any ServerStream) {
    guard stream.isRequestComplete else {
      onBody(stream)
      return
    }
    bodies.append(stream.takeReceived())
    respond(stream)
  }

  func drained(_ stream: any ServerStream) { onDrained(stream) }

  func closed(_ stream: any ServerStream) { closedCount += 1 }
}

extension ServerStream {
  /// Answers in full.
  @EventLoop
  func answer(_ status: Int = 200, _ body: String = "", _ fields: HeaderFields = HeaderFields()) {
    sendHead(status: status, fields, isEnd: false)
    if !body.isEmpty { sendBody { $0 += body.utf8 } }
    finish(nil)
  }
}
