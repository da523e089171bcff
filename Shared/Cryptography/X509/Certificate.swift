internal import COpenSSL
public import Faults
private import Glibc
public import Primitives

/// Owns an OpenSSL certificate.
struct CertificateHandle: ~Copyable {
  let pointer: OpaquePointer

  init(owning pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    X509_free(pointer)
  }

  /// Reads the first certificate of a PEM text.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when there is none.
  static func read(pem: [UInt8]) throws(Fault) -> CertificateHandle {
    let certificate: OpaquePointer? = pem.withUnsafeBytes { bytes in
      let input = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count))
      defer { BIO_free(input) }
      return PEM_read_bio_X509(input, nil, nil, nil)
    }
    guard let certificate else {
      throw Fault(
        .failedPrecondition,
        "Not a certificate in PEM",
        detail: OpenSSLFailure.drain()
      )
    }
    return CertificateHandle(owning: certificate)
  }

  /// The certificate in PEM.
  func pem() throws(Fault) -> [UInt8] {
    let output = BIO_new(BIO_s_mem())
    defer { BIO_free(output) }
    guard PEM_write_bio_X509(output, pointer) == 1 else {
      throw OpenSSLFailure.fault("write a certificate")
    }
    return [UInt8](unsafeUninitializedCapacity: BIO_ctrl_pending(output)) { buffer, count in
      count = max(0, Int(BIO_read(output, buffer.baseAddress, Int32(buffer.count))))
    }
  }

  /// When the certificate ceases to be valid.
  func expiry() throws(Fault) -> Timestamp {
    var time = tm()
    guard ASN1_TIME_to_tm(X509_get0_notAfter(pointer), &time) == 1 else {
      throw OpenSSLFailure.fault("read a certificate's end")
    }
    return Timestamp(milliseconds: Int64(timegm(&time)) * 1_000)
  }
}

/// A certificate with the chain that proves it, and its private key.
public struct IssuedCertificate: Sendable {
  /// In PEM, the certificate itself first, then its issuer.
  public let chainPEM: [UInt8]
  /// The unencrypted private key in PEM (PKCS #8); for a file of mode 0600.
  public let privateKeyPEM: SecretBytes

  /// When the first certificate of a PEM text ceases to be valid, to renew it in time.
  ///
  /// - Parameter pem: A certificate or chain, as read from a file.
  /// - Returns: The last second at which it is valid.
  /// - Throws: ``Fault`` `failedPrecondition` when there is no certificate.
  public static func expiry(ofPEM pem: [UInt8]) throws(Fault) -> Timestamp {
    try CertificateHandle.read(pem: pem).expiry()
  }

  /// When the certificate ceases to be valid that the peer of a TLS session has shown.
  ///
  /// - Parameter session: The `SSL` of OpenSSL, after its handshake, such as libpq lends its own.
  /// - Returns: The last second at which it is valid; nil when the peer has shown none.
  /// - Throws: ``Fault`` `internalError` when OpenSSL cannot read the time.
  public static func expiry(ofPeerIn session: OpaquePointer) throws(Fault) -> Timestamp? {
    guard let certificate = SSL_get1_peer_certificate(session) else { return nil }
    return try CertificateHandle(owning: certificate).expiry()
  }

  /// Whether the first certificate of a PEM text is for a name.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when there is no certificate.
  public static func isFor(_ name: CertificateName, pem: [UInt8]) throws(Fault) -> Bool {
    let certificate = try CertificateHandle.read(pem: pem)
    switch name {
    case .dns(let host):
      return X509_check_host(certificate.pointer, host, host.utf8.count, 0, nil) == 1
    case .ip(let address):
      return X509_check_ip_asc(certificate.pointer, address, 0) == 1
    }
  }

  /// Whether a private key is that of the first certificate of a PEM text.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when there is no certificate, or no key.
  public static func isPair(_ pem: [UInt8], _ privateKeyPEM: SecretBytes) throws(Fault) -> Bool {
    let certificate = try CertificateHandle.read(pem: pem)
    let key = try KeyPair.read(pem: privateKeyPEM)
    let isPair = X509_check_private_key(certificate.pointer, key.pointer) == 1
    // What OpenSSL says of a mismatch would be taken for the cause of whatever fails next.
    if !isPair { _ = OpenSSLFailure.drain() }
    return isPair
  }
}
