private import COpenSSL
internal import Faults
internal import Primitives

/// Everything a certificate says, before it is signed.
struct CertificateTemplate {
  /// What the holder is called in lists; identity is in the subject alternative names alone.
  var commonName: String
  var notBefore: Timestamp
  var notAfter: Timestamp
  /// Extensions in OpenSSL's configuration syntax, in the order in which they are written.
  var extensions: [(identifier: Int32, value: String)]

  /// The longest common name that X.520 permits (`ub-common-name`).
  static let commonNameBytesMax = 64

  /// Makes and signs the certificate.
  ///
  /// - Parameters:
  ///   - subject: The holder's key pair.
  ///   - issuer: The issuer's certificate, borrowed; nil when the certificate signs itself.
  ///   - issuerKey: The issuer's key pair.
  /// - Returns: The signed certificate.
  /// - Throws: ``Fault`` `invalidArgument` for a bad common name, else an internal error.
  func sign(
    subject: borrowing KeyPair,
    issuer: OpaquePointer?,
    issuerKey: borrowing KeyPair
  ) throws(Fault) -> CertificateHandle {
    guard (1...Self.commonNameBytesMax).contains(commonName.utf8.count) else {
      throw Fault(.invalidArgument, "A certificate's common name has 1 to 64 bytes")
    }
    guard let pointer = X509_new() else { throw OpenSSLFailure.fault("make a certificate") }
    let certificate = CertificateHandle(owning: pointer)
    try setSerialNumber(of: pointer)
    // Version 3 is written as 2. Each call gives 1 or a pointer, else memory ran out.
    guard X509_set_version(pointer, 2) == 1,
      ASN1_TIME_set(X509_getm_notBefore(pointer), Int(notBefore.seconds)) != nil,
      ASN1_TIME_set(X509_getm_notAfter(pointer), Int(notAfter.seconds)) != nil,
      addName("Latchkey", NID_organizationName, to: pointer),
      addName(commonName, NID_commonName, to: pointer),
      X509_set_issuer_name(pointer, X509_get_subject_name(issuer ?? pointer)) == 1,
      X509_set_pubkey(pointer, subject.pointer) == 1
    else { throw OpenSSLFailure.fault("fill in a certificate") }
    for (identifier, value) in extensions {
      try addExtension(identifier, value, to: pointer, issuer: issuer ?? pointer)
    }
    // Returns the size of the signature, or 0.
    guard X509_sign(pointer, issuerKey.pointer, EVP_sha256()) > 0 else {
      throw OpenSSLFailure.fault("sign a certificate")
    }
    return certificate
  }

  private func addName(
    _ text: String,
    _ identifier: Int32,
    to certificate: OpaquePointer
  ) -> Bool {
    let bytes = Array(text.utf8)
    let name = X509_get_subject_name(certificate)
    return X509_NAME_add_entry_by_NID(
      name,
      identifier,
      MBSTRING_UTF8,
      bytes,
      Int32(bytes.count),
      -1,
      0
    ) == 1
  }

  /// Adds an extension; those that name keys take them from the two certificates.
  private func addExtension(
    _ identifier: Int32,
    _ value: String,
    to certificate: OpaquePointer,
    issuer: OpaquePointer
  ) throws(Fault) {
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
    let made = X509V3_EXT_nconf_nid(nil, &context, identifier, value)
    defer { X509_EXTENSION_free(made) }
    guard made != nil, X509_add_ext(certificate, made, -1) == 1 else {
      throw OpenSSLFailure.fault("extend a certificate by \(value)")
    }
  }

  /// A positive number of 159 random bits (RFC 5280, section 4.1.2.2: at most 20 bytes).
  private func setSerialNumber(of certificate: OpaquePointer) throws(Fault) {
    var bytes = SecureRandom.bytes(20)
    bytes[0] &= 0x7f
    let number = BN_bin2bn(bytes, Int32(bytes.count), nil)
    defer { BN_free(number) }
    guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil else {
      throw OpenSSLFailure.fault("number a certificate")
    }
  }
}
