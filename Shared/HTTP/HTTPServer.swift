public import EventLoop
public import Faults
public import Metrics
public import TLS

/// Serves requests over HTTP/2 and HTTP/1.1 on any number of listeners.
@EventLoop
public final class HTTPServer {
  /// What is spoken on a connection.
  public enum HTTPProtocol: Sendable { case http2, http1 }

  /// How often slow peers are looked for: the precision of every time-out.
  private static let sweepInterval = Duration.milliseconds(500)
  /// How long a draining server still takes the requests that are on their way to it.
  static let drainNotice = Duration.milliseconds(200)

  /// What a peer may use.
  public let limits: HTTPLimits
  /// What is spoken where there is no TLS to settle it.
  let plaintextProtocol: HTTPProtocol
  /// Whether a peer that does not ask for HTTP/2 is served too.
  let speaksHTTP1: Bool
  private let handler: any RequestHandler
  private let tls: TLSContext?
  /// What is about to be encrypted, for one connection after the other.
  var plaintext: [UInt8] = []
  private let budget = BodyBudget()
  private var listeners: [Listener] = []
  private var connections: [ObjectIdentifier: HTTPServerConnection] = [:]
  private var sweep: LoopTimer?
  private var drained: [CheckedContinuation<Void, Never>] = []
  private var isDraining = false
  private var acceptedCount = 0
  private var failedCount = 0
  /// Told of each connection that failed in its handshake, for a log line; never more than the fault.
  public var onFailure: (@EventLoop (Fault) -> Void)?

  /// Makes a server.
  ///
  /// - Parameters:
  ///   - handler: What answers the requests.
  ///   - limits: What a peer may use.
  ///   - tls: The server's TLS settings; nil serves plaintext.
  ///   - plaintextProtocol: What is spoken without TLS.
  ///   - speaksHTTP1: Whether a peer that does not ask for HTTP/2 is served too.
  public init(
    handler: any RequestHandler,
    limits: HTTPLimits = HTTPLimits(),
    tls: TLSContext?,
    plaintextProtocol: HTTPProtocol = .http2,
    speaksHTTP1: Bool = true
  ) {
    self.handler = handler
    self.limits = limits
    self.tls = tls
    self.plaintextProtocol = plaintextProtocol
    self.speaksHTTP1 = speaksHTTP1
  }

  /// Serves the listener's connections until ``drain(timeout:)``.
  public func serve(_ listener: Listener) {
    listeners.append(listener)
    if sweep == nil {
      sweep = LoopTimer(every: HTTPServer.sweepInterval) { [unowned self] in checkTimeouts() }
    }
    listener.start { [unowned self] connection in accept(connection) }
  }

  /// Stops listening, lets the open requests end, and closes what is left after `timeout`.
  public func drain(timeout: Duration) async {
    isDraining = true
    for listener in listeners { listener.stop() }
    listeners = []
    for connection in connections.values { connection.beginDraining() }
    if !connections.isEmpty {
      let limit = LoopTimer(after: timeout) { [unowned self] in
        for connection in connections.values { connection.abort() }
      }
      await withCheckedContinuation { drained.append($0) }
      limit.cancel()
    }
    sweep?.cancel()
    sweep = nil
  }

  private func accept(_ connection: Connection) {
    acceptedCount += 1
    guard connections.count < limits.connectionsMax else {
      connection.close()
      return
    }
    do throws(Fault) {
      let session = try tls.map { context throws(Fault) in try TLSSession(context) }
      let served = HTTPServerConnection(connection, server: self, tls: session)
      connections[ObjectIdentifier(served)] = served
      served.start()
    } catch {
      noteFailure(error)
      connection.close()
    }
  }

  func makeSession(
    _ httpProtocol: HTTPProtocol,
    peer: SocketAddress?,
    identity: String?,
    isSecure: Bool,
    requestFlush: @escaping @EventLoop () -> Void,
    holdPeer: @escaping @EventLoop (Bool) -> Void
  ) -> any ServerSession {
    let origin = RequestOrigin(address: peer, identity: identity, isSecure: isSecure)
    let session: any ServerSession =
      switch httpProtocol {
      case .http2:
        HTTP2ServerSession(
          handler: handler,
          limits: limits,
          budget: budget,
          origin: origin,
          requestFlush: requestFlush
        )
      case .http1:
        HTTP1ServerSession(
          handler: handler,
          limits: limits,
          budget: budget,
          origin: origin,
          requestFlush: requestFlush,
          holdPeer: holdPeer
        )
      }
    if isDraining { session.beginDraining() }
    return session
  }

  func noteFailure(_ fault: Fault) {
    failedCount += 1
    onFailure?(fault)
  }

  func forget(_ connection: HTTPServerConnection) {
    connections[ObjectIdentifier(connection)] = nil
    guard connections.isEmpty, isDraining else { return }
    let waiting = drained
    drained = []
    for continuation in waiting { continuation.resume() }
  }

  private func checkTimeouts() {
    let now = Instant.now
    for connection in connections.values { connection.checkTimeouts(at: now) }
  }
}

extension HTTPServer {
  private static let open = Metric(
    "latchkey_connections",
    .gauge,
    "Connections that are open, by server."
  )
  private static let accepted = Metric(
    "latchkey_connections_accepted_total",
    .counter,
    "Connections that were accepted, by server."
  )
  private static let failed = Metric(
    "latchkey_connections_failed_total",
    .counter,
    "Connections that ended by an error of TLS, by server."
  )

  /// Tells how many connections there are and were.
  ///
  /// - Parameters:
  ///   - exposition: Takes the numbers.
  ///   - name: What the server is called there.
  public func collect(into exposition: inout Exposition, as name: String) {
    exposition.add(Self.open, ["server": name], connections.count)
    exposition.add(Self.accepted, ["server": name], acceptedCount)
    exposition.add(Self.failed, ["server": name], failedCount)
  }
}
