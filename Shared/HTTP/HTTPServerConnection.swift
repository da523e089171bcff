internal import EventLoop
internal import Faults
internal import TLS

/// One accepted connection: TLS where the server has it, then the protocol that ALPN has settled.
@EventLoop
final class HTTPServerConnection: ConnectionHandler {
  /// How long a handshake may still take once the server drains.
  private static let drainHandshakeTimeout = Duration.seconds(1)

  private unowned let server: HTTPServer
  private let connection: Connection
  private let tls: TLSSession?
  private var session: (any ServerSession)?
  private var isEnding = false
  /// Until when the handshake must be done, and its first bytes be there.
  private var handshakeDeadline: Instant

  init(_ connection: Connection, server: HTTPServer, tls: TLSSession?) {
    self.connection = connection
    self.server = server
    self.tls = tls
    handshakeDeadline = Instant.now + server.limits.handshakeTimeout
  }

  /// Begins to serve; called once.
  func start() {
    if tls == nil { open(server.plaintextProtocol) }
    connection.start(self)
  }

  private func open(_ httpProtocol: HTTPServer.HTTPProtocol) {
    session = server.makeSession(
      httpProtocol,
      peer: connection.peer,
      identity: tls?.peerIdentity,
      isSecure: tls != nil,
      requestFlush: { [unowned connection] in connection.setNeedsFlush() },
      holdPeer: { [unowned connection] shallHold in
        if shallHold { connection.pauseReading() } else { connection.resumeReading() }
      }
    )
  }

  func received(_ bytes: UnsafeRawBufferPointer) {
    guard !isEnding else { return }
    guard let tls else {
      receivedPlaintext(bytes)
      return
    }
    do throws(Fault) {
      try tls.receive(bytes) { plaintext throws(Fault) in receivedPlaintext(plaintext) }
    } catch {
      // The alert, if there is one, is what remains to be sent.
      server.noteFailure(error)
      end()
      return
    }
    // A handshake that ends without the first request still settles the protocol.
    if tls.isEstablished, session == nil, !isEnding { openAgreed() }
    if tls.hasOutput { connection.setNeedsFlush() }
    if tls.isPeerClosed { receivedEnd() }
  }

  private func openAgreed() {
    let isHTTP2 = tls?.applicationProtocol == "h2"
    // A peer without ALPN speaks HTTP/1.1, or what it takes for it.
    guard isHTTP2 || server.speaksHTTP1 else {
      end()
      return
    }
    open(isHTTP2 ? .http2 : .http1)
  }

  private func receivedPlaintext(_ bytes: UnsafeRawBufferPointer) {
    if session == nil { openAgreed() }
    guard !isEnding, let session else { return }
    if !session.receive(bytes) { end() }
  }

  func receivedEnd() {
    guard !isEnding else { return }
    if session?.receivedEnd() != true { end() }
  }

  func produce(into output: inout [UInt8]) {
    guard let tls else {
      if session?.produce(into: &output, target: Connection.outputBytesTarget) == false { end() }
      if isEnding, output.isEmpty { endSession() }
      return
    }
    tls.takeOutput(appendingTo: &output)
    guard tls.isEstablished, let session else { return }
    // The server's one buffer, taken out while it is in use.
    var plaintext = server.plaintext
    server.plaintext = []
    defer { server.plaintext = plaintext }
    plaintext.removeAll(keepingCapacity: plaintext.capacity <= 4 * Connection.outputBytesTarget)
    if !session.produce(into: &plaintext, target: Connection.outputBytesTarget) { end() }
    do throws(Fault) {
      if !plaintext.isEmpty {
        try plaintext.withUnsafeBufferPointer { bytes throws(Fault) in
          try tls.write(UnsafeRawBufferPointer(bytes), appendingTo: &output)
        }
      } else if isEnding {
        endSession()
        tls.shutdown(appendingTo: &output)
      }
    } catch {
      end()
    }
  }

  /// Ends the connection once its output is out.
  private func end() {
    isEnding = true
    connection.finish()
  }

  /// Nothing of an answer can be sent any more: nobody needs to go on with one.
  private func endSession() {
    session?.connectionClosed()
    session = nil
  }

  func closed() {
    isEnding = true
    endSession()
    server.forget(self)
  }

  /// Serves what is open and takes no more.
  ///
  /// A peer in its handshake has its request ready, so it may end the handshake first.
  func beginDraining() {
    handshakeDeadline = min(
      handshakeDeadline,
      Instant.now + HTTPServerConnection.drainHandshakeTimeout
    )
    session?.beginDraining()
  }

  /// Ends the connection at once.
  func abort() { connection.close() }

  /// Ends the connection when the peer takes too long.
  func checkTimeouts(at now: Instant) {
    if let since = connection.outputStalledSince, now - since > server.limits.writeTimeout {
      connection.close()
    } else if isEnding {
      // Output is sent within the write time-out, or not at all.
    } else if let session {
      if !session.checkTimeouts(at: now) { connection.close() }
    } else if now > handshakeDeadline {
      connection.close()
    }
  }
}
