private import COpenSSL
public import Faults

/// One side of one TLS connection: ciphertext in, plaintext out, and back; it owns no socket.
///
/// Order of calls: make the session; send what ``takeOutput(appendingTo:)`` gives (a client has its
/// first flight at once); feed each read to ``receive(_:deliver:)`` and send the output again. Once
/// ``isEstablished``, ``write(_:appendingTo:)`` encrypts. At the peer's end of file, call
/// ``receiveEnd()``; to end, ``shutdown(appendingTo:)``.
///
/// After any call has thrown, what ``takeOutput(appendingTo:)`` still gives is the alert that tells the
/// peer why: send it, then close.
///
/// Not Sendable: it belongs to the isolation of its connection.
public final class TLSSession {
  /// The settings as they were when the session began.
  let settings: ContextSettings
  /// The name the server must prove to have, in lower case; nil on a server.
  let serverName: String?
  private let context: TLSContext
  private let ssl: OpaquePointer

  /// Ciphertext that OpenSSL has not taken yet; points into the caller's buffer during a call only.
  private var input = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Ciphertext to send that no caller has taken yet: handshake, tickets, alerts.
  private var output: [UInt8] = []
  private var failure: Fault?

  /// Whether the handshake is complete and the peer is who it must be.
  public private(set) var isEstablished = false
  /// Whether the peer said that it sends nothing more; anything after that is ignored.
  public private(set) var isPeerClosed = false
  /// The ALPN name both sides agreed on; nil before the handshake and when the peer offered none.
  public private(set) var applicationProtocol: String?
  /// The first DNS name in the peer's verified certificate; nil when the peer showed none.
  public private(set) var peerIdentity: String?

  /// Begins a session.
  ///
  /// - Parameters:
  ///   - context: The settings; those in use now hold for the session's whole life.
  ///   - serverName: On a client, the host name or IP address the server's certificate must have.
  /// - Throws: ``Fault`` `invalidArgument` for a client without a usable server name.
  public init(_ context: TLSContext, serverName: String? = nil) throws(Fault) {
    self.context = context
    settings = context.settings
    if settings.role == .client {
      guard let name = serverName.flatMap({ HostName($0.utf8) }) else {
        throw Fault(.invalidArgument, "A TLS client needs the host name of its server")
      }
      self.serverName = name.text
    } else {
      self.serverName = nil
    }
    OpenSSLErrors.clear()
    guard let ssl = SSL_new(settings.pointer) else {
      throw .internalError("SSL_new: \(OpenSSLErrors.drain().text)")
    }
    self.ssl = ssl
    SSL_set_ex_data(ssl, Self.ownerIndex, Unmanaged.passUnretained(self).toOpaque())
    try settings.transport.attach(ssl, to: self)
    if let name = self.serverName {
      try demand(name)
      settings.sessions.resume(ssl, name: name)
      SSL_set_connect_state(ssl)
      try advanceHandshake()
    } else {
      settings.renewTicketKeys(at: .now)
      SSL_set_accept_state(ssl)
    }
  }

  deinit {
    // Else a session whose connection was merely cut could not be resumed, which TLS has allowed since
    // 1.1 (RFC 5246, section 7.2.1). After a fatal alert OpenSSL has withdrawn it already.
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
    SSL_free(ssl)
  }

  // MARK: Bytes

  /// Takes ciphertext from the peer, goes on with the handshake, and hands out what was decrypted.
  ///
  /// All bytes are taken before it returns. `deliver` may call ``write(_:appendingTo:)``.
  ///
  /// - Parameters:
  ///   - ciphertext: What was read from the transport; any number of bytes.
  ///   - deliver: Called for each piece of plaintext, at most 16 KiB, valid during the call only.
  /// - Throws: ``Fault`` `unauthenticated` when the peer's certificate is refused or it refuses ours;
  ///   `invalidArgument` when the peer speaks plain HTTP or no TLS; `unavailable` when the session fails
  ///   otherwise; and whatever `deliver` throws. The session is over then.
  public func receive(
    _ ciphertext: UnsafeRawBufferPointer,
    deliver: (UnsafeRawBufferPointer) throws(Fault) -> Void
  ) throws(Fault) {
    if let failure { throw failure }
    precondition(input.isEmpty, "receive was called from within deliver")
    input = ciphertext
    defer { input = UnsafeRawBufferPointer(start: nil, count: 0) }
    if !isEstablished { try advanceHandshake() }
    if isEstablished { try deliverPlaintext(to: deliver) }
  }

  /// Says that the transport reached its end of file.
  ///
  /// - Throws: ``Fault`` `dataLoss` when the peer did not announce the end: somebody may have cut the
  ///   connection, so an answer that has no length of its own must be taken as incomplete.
  public func receiveEnd() throws(Fault) {
    if let failure { throw failure }
    if isPeerClosed { return }
    let fault =
      isEstablished
      ? Fault(.dataLoss, "The peer ended the connection without closing TLS")
      : Fault(.unavailable, "The peer ended the connection during the TLS handshake")
    failure = fault
    throw fault
  }

  /// Encrypts plaintext and appends the ciphertext to `output`, after what was waiting to be sent.
  ///
  /// Each call makes at least one record of its own (22 bytes more and one sealing), so gather what a tick
  /// has to say and write it at once.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` before the session is established or after its shutdown,
  ///   `unavailable` when it has failed.
  public func write(
    _ plaintext: UnsafeRawBufferPointer,
    appendingTo output: inout [UInt8]
  ) throws(Fault) {
    if let failure { throw failure }
    guard isEstablished else {
      throw Fault(.failedPrecondition, "The TLS session is not established")
    }
    if plaintext.isEmpty { return }
    takeOutput(appendingTo: &output)
    // For this call the caller's array is the output, so that ciphertext is written in its place.
    swap(&output, &self.output)
    defer { swap(&output, &self.output) }
    OpenSSLErrors.clear()
    var count = 0
    guard SSL_write_ex(ssl, plaintext.baseAddress, plaintext.count, &count) == 1 else {
      throw fail(SSL_get_error(ssl, 0))
    }
    precondition(count == plaintext.count, "OpenSSL writes all or nothing without partial writes")
  }

  /// Whether ``takeOutput(appendingTo:)`` has something to give.
  public var hasOutput: Bool { !output.isEmpty }

  /// Moves the ciphertext that waits to be sent (handshake, tickets, alerts) to the end of `target`.
  public func takeOutput(appendingTo target: inout [UInt8]) {
    if output.isEmpty { return }
    target.append(contentsOf: output)
    // Rare and small once established, so no idle session keeps the memory.
    output = []
  }

  /// Tells the peer that nothing more is sent; the transport is closed once the output is gone.
  public func shutdown(appendingTo target: inout [UInt8]) {
    takeOutput(appendingTo: &target)
    guard isEstablished, failure == nil else { return }
    failure = Fault(.failedPrecondition, "The TLS session was shut down")
    OpenSSLErrors.clear()
    // 0 (sent, the peer's not seen) and 1 (both) are success; there is nothing to do about an error.
    _ = SSL_shutdown(ssl)
    OpenSSLErrors.clear()
    takeOutput(appendingTo: &target)
  }

  // MARK: Facts for logs

  /// Whether an earlier session was resumed, which spares the certificates and their signatures.
  public var isResumed: Bool { SSL_session_reused(ssl) == 1 }

  /// The protocol version, such as `TLSv1.3`.
  public var protocolVersion: String { String(cString: SSL_get_version(ssl)) }

  /// The cipher suite by its standard name, such as `TLS_AES_128_GCM_SHA256`; nil before there is one.
  public var cipherSuite: String? {
    guard let cipher = SSL_get_current_cipher(ssl), let name = SSL_CIPHER_standard_name(cipher)
    else {
      return nil
    }
    return String(cString: name)
  }

  // MARK: Callbacks

  /// The slot of an `SSL` that points back to its session; index 0 is reserved for the application.
  private static let ownerIndex: Int32 = 0

  /// The session of an `SSL`, in a callback: it outlives the `SSL`, which it owns.
  static func of(_ ssl: OpaquePointer) -> TLSSession? {
    guard let context = SSL_get_ex_data(ssl, ownerIndex) else { return nil }
    return Unmanaged<TLSSession>.fromOpaque(context).takeUnretainedValue()
  }

  /// Copies the next input to OpenSSL's buffer and returns how much that was.
  func copyInput(to target: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(target.count, input.count)
    if count == 0 { return 0 }
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
    input = UnsafeRawBufferPointer(rebasing: input[count...])
    return count
  }

  /// Keeps ciphertext that OpenSSL produced.
  func appendOutput(_ bytes: UnsafeRawBufferPointer) {
    output.append(contentsOf: bytes)
  }

  // MARK: Steps

  /// Makes the handshake check the server's certificate against `name`, and announces it (SNI).
  private func demand(_ name: String) throws(Fault) {
    let parameters = SSL_get0_param(ssl)
    X509_VERIFY_PARAM_set_hostflags(
      parameters,
      UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
    )
    let isAddress = X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1
    OpenSSLErrors.clear()
    if isAddress { return }
    // SNI carries names only, never addresses (RFC 6066, section 3).
    guard X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1,
      COpenSSL_SSL_set_tlsext_host_name(ssl, name) == 1
    else { throw .internalError("server name: \(OpenSSLErrors.drain().text)") }
  }

  private func advanceHandshake() throws(Fault) {
    OpenSSLErrors.clear()
    let result = SSL_do_handshake(ssl)
    if result != 1 {
      let code = SSL_get_error(ssl, result)
      if code == SSL_ERROR_WANT_READ { return }
      throw fail(code)
    }
    if let pointer = SSL_get1_peer_certificate(ssl) {
      let certificate = Certificate(owning: pointer)
      // A resumed session skips the checks, so a certificate may have expired meanwhile.
      if isResumed, certificate.isExpired {
        let fault = Fault(.unauthenticated, "The peer's certificate has expired")
        failure = fault
        throw fault
      }
      peerIdentity = certificate.dnsName
      OpenSSLErrors.clear()
    }
    applicationProtocol = agreedProtocol()
    isEstablished = true
  }

  private func agreedProtocol() -> String? {
    var name: UnsafePointer<UInt8>?
    var size: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &size)
    guard let name, size > 0 else { return nil }
    return String(decoding: UnsafeBufferPointer(start: name, count: Int(size)), as: UTF8.self)
  }

  private func deliverPlaintext(
    to deliver: (UnsafeRawBufferPointer) throws(Fault) -> Void
  ) throws(Fault) {
    let buffer = context.borrowBuffer()
    defer { context.giveBack(buffer) }
    while true {
      OpenSSLErrors.clear()
      var count = 0
      if SSL_read_ex(ssl, buffer.bytes.baseAddress, buffer.bytes.count, &count) == 1 {
        try deliver(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
        if failure != nil { return }
        continue
      }
      switch SSL_get_error(ssl, 0) {
      case SSL_ERROR_WANT_READ:
        return
      case SSL_ERROR_ZERO_RETURN:
        isPeerClosed = true
        return
      case let code:
        throw fail(code)
      }
    }
  }

  private func fail(_ code: Int32) -> Fault {
    let verification = SSL_get_verify_result(ssl)
    let fault = Fault.ofSession(OpenSSLErrors.drain(), code: code, verification: verification)
    failure = fault
    return fault
  }
}
