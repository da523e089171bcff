internal import EventLoop
internal import Faults
internal import TLS

/// One accepted connection: TLS where the server has it, then the protocol that ALPN has settled.
@EventLoop
final class HTTPServerConnection: ConnectionHandler {
  private unowned let server: HTTPServer
  private let connection: Connection
  private let tls: TLSSession?
  private let openedAt = Instant.now
  private var session: (any ServerSession)?
  /// Whether the handshake has begun.
  private var hasReceived = false
  private var isEnding = false

  init(_ connection: Connection, server: HTTPServer, tls: TLSSession?) {
    self.connection = connection
    self.server = server
    self.tls = tls
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
    hasReceived = true
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

  func closed() {
    isEnding = true
    session?.connectionClosed()
    session = nil
    server.forget(self)
  }

  /// Serves what is open and takes no more.
  ///
  /// A peer in the middle of its handshake may have sent a request behind it, so the handshake is ended first.
  func beginDraining() {
    if let session {
      session.beginDraining()
    } else if !hasReceived {
      connection.close()
    }
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
    } else if now - openedAt > server.limits.handshakeTimeout {
      connection.close()
    }
  }
}
