private import COpenSSL
internal import Cryptography
internal import Faults

/// One X.509 certificate; owns a reference to OpenSSL's object.
final class Certificate {
  /// OpenSSL's `X509 *`, alive as long as this object.
  let pointer: OpaquePointer

  /// Takes over one reference, which is released with this object.
  init(owning pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    X509_free(pointer)
  }

  /// How many certificates one PEM file may hold: more is a mistake, and would be sent to each peer.
  static let countMax = 64

  /// Parses all certificates of a PEM text.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when there is none, more than `countMax`, or one that
  ///   does not parse.
  static func parse(pem: [UInt8], what: String) throws(Fault) -> [Certificate] {
    OpenSSLErrors.clear()
    let certificates = pem.withUnsafeBytes { bytes -> [Certificate] in
      // The BIO refers to the bytes without copying them.
      guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else {
        return []
      }
      defer { BIO_free(bio) }
      var certificates: [Certificate] = []
      while certificates.count <= countMax,
        let pointer = PEM_read_bio_X509(bio, nil, refuseToAsk, nil)
      {
        certificates.append(Certificate(owning: pointer))
      }
      return certificates
    }
    if certificates.count > countMax {
      throw Fault(.failedPrecondition, "The \(what) has more than \(countMax) certificates")
    }
    // After the last certificate the reader reports "no start line"; anything else is a broken one.
    let errors = OpenSSLErrors.drain()
    let isAtEnd = errors.entries.last?.reason == PEM_R_NO_START_LINE
    guard isAtEnd, !certificates.isEmpty else {
      throw Fault(
        .failedPrecondition,
        "The \(what) is not a list of certificates in PEM",
        detail: errors.text
      )
    }
    return certificates
  }

  /// Whether the certificate is for a host name, by its own names or by a wildcard.
  ///
  /// Source: RFC 6125, section 6.4.
  func hasName(_ name: UnsafePointer<CChar>) -> Bool {
    X509_check_host(pointer, name, strlen(name), UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS), nil)
      == 1
  }

  /// Refuses a certificate outside its validity, which every peer would refuse later and less clearly.
  func checkValidity(what: String) throws(Fault) {
    if isExpired {
      throw Fault(
        .failedPrecondition,
        "The \(what) has expired (it was valid until \(Self.text(notAfter)))"
      )
    }
    if X509_cmp_current_time(X509_get0_notBefore(pointer)) > 0 {
      throw Fault(
        .failedPrecondition,
        "The \(what) is not valid yet (it is from \(Self.text(X509_get0_notBefore(pointer))))"
      )
    }
  }

  /// Whether the end of the validity has passed; also true when it cannot be read.
  var isExpired: Bool { X509_cmp_current_time(notAfter) <= 0 }

  private var notAfter: UnsafePointer<ASN1_TIME>? { X509_get0_notAfter(pointer) }

  private static func text(_ time: UnsafePointer<ASN1_TIME>?) -> String {
    var parts = tm()
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return "an unreadable time" }
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return
      "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
      + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }

  /// The first DNS name among the subject's alternative names, in lower case: who the peer is.
  ///
  /// The common name is never looked at. Nil when there is none, or when it is not a plain host name
  /// (an embedded NUL, for one, could make two different names look alike).
  var dnsName: String? {
    guard let raw = X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else { return nil }
    let names = OpaquePointer(raw)
    defer { COpenSSL_GENERAL_NAMES_free(names) }
    for index in 0..<COpenSSL_sk_GENERAL_NAME_num(names) {
      var length: Int32 = 0
      let name = COpenSSL_sk_GENERAL_NAME_value(names, index)
      guard let bytes = COpenSSL_GENERAL_NAME_dns(name, &length) else { continue }
      return HostName(UnsafeBufferPointer(start: bytes, count: Int(length)))?.text
    }
    return nil
  }
}

/// A private key; owns a reference to OpenSSL's object, which wipes itself when freed.
final class PrivateKey {
  /// OpenSSL's `EVP_PKEY *`, alive as long as this object.
  let pointer: OpaquePointer

  /// Parses an unencrypted private key in PEM.
  init(pem: SecretBytes) throws(Fault) {
    OpenSSLErrors.clear()
    let pointer = pem.withUnsafeBytes { bytes -> OpaquePointer? in
      // The BIO refers to the bytes without copying them.
      guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else {
        return nil
      }
      defer { BIO_free(bio) }
      return PEM_read_bio_PrivateKey(bio, nil, refuseToAsk, nil)
    }
    guard let pointer else {
      throw Fault(
        .failedPrecondition,
        "The private key is not an unencrypted key in PEM",
        detail: OpenSSLErrors.drain().text
      )
    }
    self.pointer = pointer
  }

  deinit {
    EVP_PKEY_free(pointer)
  }

  /// Whether this is the key of that certificate.
  func belongs(to certificate: Certificate) -> Bool {
    defer { OpenSSLErrors.clear() }
    return X509_check_private_key(certificate.pointer, pointer) == 1
  }
}

/// Answers OpenSSL's question for a pass phrase with "none"; without it, OpenSSL asks the terminal.
private func refuseToAsk(
  _: UnsafeMutablePointer<CChar>?,
  _: Int32,
  _: Int32,
  _: UnsafeMutableRawPointer?
) -> Int32 {
  -1
}
