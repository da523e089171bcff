public import EventLoop
public import Faults
public import TLS

/// What a client does with the answer on one stream.
///
/// All calls come from the loop, outside any job.
@EventLoop
public protocol ResponseHandler: AnyObject {
  /// The head, body bytes or the end of the answer have come; the stream tells which.
  func received(_ stream: HTTP2Stream)
  /// The server has taken so much of what was sent that more may follow.
  func drained(_ stream: HTTP2Stream)
  /// The stream is over, and no other call follows.
  func closed(_ stream: HTTP2Stream)
}

/// The client's side of one HTTP/2 connection.
@EventLoop
public final class HTTP2ClientConnection: ConnectionHandler {
  /// How often a quiet connection is checked by a PING while streams are open, and the time for its answer.
  private static let pingInterval = Duration.seconds(10)

  private let connection: Connection
  private let tls: TLSSession?
  private let authority: String
  private var session: HTTP2Session?
  private var plaintext: [UInt8] = []
  private var delivering: [HTTP2Stream] = []
  private var opening: CheckedContinuation<Fault?, Never>?
  private var timer: LoopTimer?
  private var failure: Fault?
  private var lastReceived = Instant.now
  private var pongsAtLastPing = 0
  private var hasPingOut = false
  private var onUnusable: (@EventLoop () -> Void)?
  /// Whether new streams can be opened.
  public private(set) var isUsable = false

  /// Streams that are open.
  public var openCount: Int { session?.streams.count ?? 0 }

  /// Whether a stream, which may be over, is one of this connection.
  public func owns(_ stream: HTTP2Stream) -> Bool { stream.session === session }

  private init(_ connection: Connection, tls: TLSSession?, authority: String) {
    self.connection = connection
    self.tls = tls
    self.authority = authority
  }

  /// Connects, and waits until requests can be sent.
  ///
  /// - Parameters:
  ///   - address: Where the server is.
  ///   - tls: The client's TLS settings; nil speaks plaintext, which only tests do.
  ///   - serverName: The name the server's certificate must have, and the `:authority` of every
  ///     request.
  ///   - limits: What the server may use of us.
  ///   - timeout: The time for the connection and its handshake, each.
  /// - Returns: The connection, ready for requests.
  /// - Throws: ``Fault`` `unavailable` when nobody answers in time, `unauthenticated` when the server
  ///   is not who it must be.
  public static func connect(
    to address: SocketAddress,
    tls: TLSContext?,
    serverName: String,
    limits: HTTPLimits = HTTPLimits(),
    timeout: Duration = .seconds(5)
  ) async throws(Fault) -> HTTP2ClientConnection {
    let connection = try await Connection.connect(to: address, timeout: timeout)
    let session: TLSSession?
    do throws(Fault) {
      session = try tls.map { context throws(Fault) in
        try TLSSession(context, serverName: serverName)
      }
    } catch {
      connection.close()
      throw error
    }
    let client = HTTP2ClientConnection(connection, tls: session, authority: serverName)
    if let failure = await client.open(limits: limits, timeout: timeout) { throw failure }
    return client
  }

  private func open(limits: HTTPLimits, timeout: Duration) async -> Fault? {
    await withCheckedContinuation { continuation in
      opening = continuation
      timer = LoopTimer(after: timeout) { [unowned self] in
        fail(.unavailable("The server did not complete the handshake in time"))
      }
      let origin = RequestOrigin(address: connection.peer, identity: nil, isSecure: tls != nil)
      session = HTTP2Session(.client, limits: limits, budget: BodyBudget(), origin: origin) {
        [unowned connection] in connection.setNeedsFlush()
      }
      connection.start(self)
      connection.setNeedsFlush()
      if tls == nil { established() }
    }
  }

  private func established() {
    guard let opening else { return }
    self.opening = nil
    isUsable = true
    timer?.cancel()
    timer = LoopTimer(every: HTTP2ClientConnection.pingInterval) { [unowned self] in keepAlive() }
    opening.resume(returning: nil)
  }

  /// Sends a request's head.
  ///
  /// The body follows by the stream's `sendBody` and `finish`.
  ///
  /// - Returns: Nil when the connection takes no more streams.
  public func open(
    method: StaticString,
    path: String,
    fields: HeaderFields,
    handler: any ResponseHandler
  ) -> HTTP2Stream? {
    guard isUsable, let session else { return nil }
    guard
      let stream = session.submitRequest(
        method: method,
        path: path,
        authority: authority,
        fields: fields
      )
    else {
      becomeUnusable()
      return nil
    }
    stream.responseHandler = handler
    return stream
  }

  /// Has `body` called once when the connection takes no more streams: it is closed, or the server is going away.
  public func whenUnusable(_ body: @escaping @EventLoop () -> Void) {
    if isUsable { onUnusable = body } else { body() }
  }

  /// Opens no more streams and closes when the open ones are through.
  public func drain() {
    becomeUnusable()
    if openCount == 0 { connection.closeAfterFlush() }
  }

  /// Closes at once; open streams fail.
  public func close() {
    becomeUnusable()
    connection.close()
  }

  private func becomeUnusable() {
    guard isUsable else { return }
    isUsable = false
    let told = onUnusable
    onUnusable = nil
    told?()
  }

  private func fail(_ fault: Fault) {
    if failure == nil { failure = fault }
    connection.close()
  }

  // MARK: From the connection

  /// Takes bytes from the server.
  public func received(_ bytes: UnsafeRawBufferPointer) {
    lastReceived = Instant.now
    guard let tls else {
      receivedPlaintext(bytes)
      return
    }
    do throws(Fault) {
      try tls.receive(bytes) { plaintext throws(Fault) in receivedPlaintext(plaintext) }
    } catch {
      if failure == nil { failure = error }
      connection.closeAfterFlush()
      return
    }
    if tls.hasOutput { connection.setNeedsFlush() }
    if tls.isEstablished, opening != nil {
      guard tls.applicationProtocol == "h2" else {
        fail(.unavailable("The server does not speak HTTP/2"))
        return
      }
      established()
      connection.setNeedsFlush()
    }
    if tls.isPeerClosed { connection.closeAfterFlush() }
  }

  private func receivedPlaintext(_ bytes: UnsafeRawBufferPointer) {
    guard let session else { return }
    let goesOn = session.receive(bytes)
    deliver()
    if session.peerIsGoingAway { becomeUnusable() }
    if !goesOn || (!isUsable && opening == nil && session.streams.isEmpty) {
      connection.closeAfterFlush()
    }
  }

  /// The server sends nothing more.
  public func receivedEnd() { becomeUnusable() }

  /// Appends frames to send.
  public func produce(into output: inout [UInt8]) {
    guard let session else { return }
    guard let tls else {
      if !session.produce(into: &output, target: Connection.outputBytesTarget) {
        connection.closeAfterFlush()
      }
      deliver()
      return
    }
    tls.takeOutput(appendingTo: &output)
    guard tls.isEstablished else { return }
    plaintext.removeAll(keepingCapacity: plaintext.capacity <= 2 * Connection.outputBytesTarget)
    if !session.produce(into: &plaintext, target: Connection.outputBytesTarget) {
      connection.closeAfterFlush()
    }
    deliver()
    guard !plaintext.isEmpty else { return }
    do throws(Fault) {
      try plaintext.withUnsafeBufferPointer { bytes throws(Fault) in
        try tls.write(UnsafeRawBufferPointer(bytes), appendingTo: &output)
      }
    } catch {
      if failure == nil { failure = error }
      connection.closeAfterFlush()
    }
  }

  /// The connection is gone: every open stream fails.
  public func closed() {
    becomeUnusable()
    timer?.cancel()
    timer = nil
    if let opening {
      self.opening = nil
      opening.resume(returning: failure ?? .unavailable("The server closed the connection"))
    }
    session?.closeAll()
    deliver()
    session = nil
  }

  private func deliver() {
    guard let session else { return }
    var streams = delivering
    delivering = []
    while session.hasTouched {
      session.takeTouched(into: &streams)
      for stream in streams { deliver(stream, session) }
    }
    streams.removeAll(keepingCapacity: true)
    delivering = streams
    if !isUsable, opening == nil, session.streams.isEmpty { connection.closeAfterFlush() }
  }

  private func deliver(_ stream: HTTP2Stream, _ session: HTTP2Session) {
    guard !stream.wasCloseDelivered, let handler = stream.responseHandler else { return }
    if stream.isHeadComplete, !stream.wasHeadDelivered || stream.hasBodyNews {
      stream.wasHeadDelivered = true
      stream.hasBodyNews = false
      handler.received(stream)
    }
    if stream.hasDrained {
      stream.hasDrained = false
      if !stream.isClosed { handler.drained(stream) }
    }
    if stream.isClosed {
      stream.wasCloseDelivered = true
      session.settle(stream)
      stream.responseHandler = nil
      handler.closed(stream)
    }
  }

  /// A server that is gone without a word is noticed by a PING that stays unanswered.
  private func keepAlive() {
    guard let session else { return }
    if hasPingOut {
      if session.pongCount == pongsAtLastPing,
        Instant.now - lastReceived >= HTTP2ClientConnection.pingInterval
      {
        fail(.unavailable("The server does not answer"))
        return
      }
      hasPingOut = false
    }
    if !session.streams.isEmpty, Instant.now - lastReceived >= HTTP2ClientConnection.pingInterval {
      hasPingOut = true
      pongsAtLastPing = session.pongCount
      session.ping()
    }
  }
}
