import COpenSSL
import TLS
import Testing

/// A client of bare OpenSSL that can be set to do what ``TLSConfiguration`` rules out.
final class RawClient {
  let ssl: OpaquePointer
  private let context: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  /// Everything the server has sent.
  private(set) var receivedCiphertext: [UInt8] = []

  init(
    from versionMin: Int32 = TLS1_VERSION,
    to versionMax: Int32 = TLS1_3_VERSION,
    suites: String = "ALL:@SECLEVEL=0"
  ) throws {
    context = try #require(SSL_CTX_new(TLS_client_method()))
    SSL_CTX_set_security_level(context, 0)
    try #require(COpenSSL_SSL_CTX_set_min_proto_version(context, versionMin) == 1)
    try #require(COpenSSL_SSL_CTX_set_max_proto_version(context, versionMax) == 1)
    try #require(SSL_CTX_set_cipher_list(context, suites) == 1)
    ssl = try #require(SSL_new(context))
    incoming = try #require(BIO_new(BIO_s_mem()))
    outgoing = try #require(BIO_new(BIO_s_mem()))
    SSL_set_bio(ssl, incoming, outgoing)
    SSL_set_connect_state(ssl)
  }

  deinit {
    SSL_free(ssl)
    SSL_CTX_free(context)
  }

  /// Takes a step of the handshake or reads; returns the ciphertext it wants to send.
  func step() -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    if SSL_is_init_finished(ssl) == 1 {
      SSL_read(ssl, &buffer, Int32(buffer.count))
    } else {
      SSL_do_handshake(ssl)
    }
    ERR_clear_error()
    return takeOutput()
  }

  func takeOutput() -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = BIO_read(outgoing, &buffer, Int32(buffer.count))
    return Array(buffer.prefix(max(0, Int(count))))
  }

  func feed(_ bytes: [UInt8]) {
    receivedCiphertext += bytes
    if !bytes.isEmpty { BIO_write(incoming, bytes, Int32(bytes.count)) }
  }

  /// Runs the handshake against a session until both are silent; returns what the session threw.
  @discardableResult
  func settle(with server: TLSSession, received: (UInt8) -> Void = { _ in }) -> (any Error)? {
    var fault: (any Error)?
    while true {
      let toServer = step()
      if !toServer.isEmpty, fault == nil {
        toServer.withUnsafeBytes { bytes in
          do { try server.receive(bytes) { $0.forEach(received) } } catch { fault = error }
        }
      }
      var toClient: [UInt8] = []
      server.takeOutput(appendingTo: &toClient)
      feed(toClient)
      if toServer.isEmpty, toClient.isEmpty { return fault }
    }
  }
}

/// The level and description of the plaintext alert in a stream of records, if it ends in one.
func finalAlert(_ ciphertext: [UInt8]) -> [UInt8]? {
  let record = ciphertext.suffix(7)
  // Type 21 (alert), any version, 2 bytes of content (RFC 8446, section 5.1).
  guard record.count == 7, record.first == 21, record.dropFirst(3).prefix(2).elementsEqual([0, 2])
  else { return nil }
  return Array(record.suffix(2))
}
