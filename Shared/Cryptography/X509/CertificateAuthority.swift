private import COpenSSL
public import Faults
public import Primitives

/// A small certificate authority: it makes the certificates with which services know each other, and
/// the one of a development server.
///
/// Certificates follow RFC 5280 to the letter (`openssl verify -x509_strict`, Python 3.13): names are
/// in the subject alternative names, keys are on P-256, a leaf lasts no longer than its issuer.
public struct CertificateAuthority: Sendable {
  /// The authority's certificate in PEM: what peers trust.
  public let certificatePEM: [UInt8]
  /// The authority's unencrypted private key in PEM; whoever has it can be any service.
  public let privateKeyPEM: SecretBytes

  /// How long before its making a certificate is valid already, for clocks that run behind.
  private static let clockTolerance = Duration.seconds(3_600)

  private init(certificatePEM: [UInt8], privateKeyPEM: SecretBytes) {
    self.certificatePEM = certificatePEM
    self.privateKeyPEM = privateKeyPEM
  }

  /// Takes an authority that was made earlier, as read from its files.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when a text is not what it should be, when the
  ///   certificate is no authority's, or when the key is not the certificate's.
  public static func load(
    certificatePEM: [UInt8],
    privateKeyPEM: SecretBytes
  ) throws(Fault) -> CertificateAuthority {
    let certificate = try CertificateHandle.read(pem: certificatePEM)
    let key = try KeyPair.read(pem: privateKeyPEM)
    // Returns 1 for an authority by basicConstraints; others are historical forms.
    guard X509_check_ca(certificate.pointer) == 1 else {
      throw Fault(.failedPrecondition, "The certificate is not an authority's")
    }
    guard X509_check_private_key(certificate.pointer, key.pointer) == 1 else {
      let detail = OpenSSLFailure.drain()
      throw Fault(
        .failedPrecondition,
        "The private key is not the authority's",
        detail: detail
      )
    }
    return CertificateAuthority(certificatePEM: certificatePEM, privateKeyPEM: privateKeyPEM)
  }

  /// Makes a new authority with a key of its own.
  ///
  /// - Parameters:
  ///   - commonName: What people see in lists of authorities, 1 to 64 bytes.
  ///   - days: How long it is valid.
  ///   - now: When it is made.
  /// - Returns: The authority; nothing is stored.
  /// - Throws: ``Fault`` `invalidArgument` for a bad name or time.
  public static func make(
    commonName: String,
    days: Int = 3_650,
    now: Timestamp = .now()
  ) throws(Fault) -> CertificateAuthority {
    let key = try KeyPair.generate()
    let template = CertificateTemplate(
      commonName: commonName,
      notBefore: now - clockTolerance,
      notAfter: try end(after: days, from: now),
      extensions: [
        // It signs leaves, and no further authority.
        (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
        (NID_key_usage, "critical,keyCertSign,cRLSign"),
        (NID_subject_key_identifier, "hash"),
      ]
    )
    let certificate = try template.sign(subject: key, issuer: nil, issuerKey: key)
    return CertificateAuthority(
      certificatePEM: try certificate.pem(),
      privateKeyPEM: try key.pem()
    )
  }

  /// What the holder of a certificate may do with it.
  public struct Usage: OptionSet, Sendable {
    /// The set as bits.
    public let rawValue: UInt8

    /// Makes a set from bits.
    public init(rawValue: UInt8) {
      self.rawValue = rawValue
    }

    /// Answer as a TLS server.
    public static let server = Usage(rawValue: 1)
    /// Prove itself as a TLS client.
    public static let client = Usage(rawValue: 2)

    fileprivate var configuration: String {
      var purposes: [String] = []
      if contains(.server) { purposes.append("serverAuth") }
      if contains(.client) { purposes.append("clientAuth") }
      return purposes.joined(separator: ",")
    }
  }

  /// Issues a certificate with a new key pair.
  ///
  /// - Parameters:
  ///   - commonName: What people see in lists, 1 to 64 bytes; peers go by `names`.
  ///   - names: Every name under which the holder is reached or known, at least one.
  ///   - usage: Server, client or both.
  ///   - days: How long it is valid, but never beyond its issuer.
  ///   - now: When it is issued.
  /// - Returns: The chain (certificate and issuer) and the private key.
  /// - Throws: ``Fault`` `invalidArgument` for a bad name or time, `failedPrecondition` when the
  ///   authority has expired.
  public func issue(
    commonName: String,
    names: [CertificateName],
    usage: Usage,
    days: Int = 365,
    now: Timestamp = .now()
  ) throws(Fault) -> IssuedCertificate {
    let alternatives = names.compactMap(\.configuration)
    guard !names.isEmpty, alternatives.count == names.count, !usage.isEmpty else {
      throw Fault(.invalidArgument, "A certificate needs a usage, and well-formed names")
    }
    let issuer = try CertificateHandle.read(pem: certificatePEM)
    let issuerKey = try KeyPair.read(pem: privateKeyPEM)
    let expiry = try issuer.expiry()
    guard now < expiry else {
      throw Fault(.failedPrecondition, "The certificate authority has expired")
    }
    let key = try KeyPair.generate()
    let template = CertificateTemplate(
      commonName: commonName,
      notBefore: now - Self.clockTolerance,
      notAfter: min(try Self.end(after: days, from: now), expiry),
      extensions: [
        (NID_basic_constraints, "critical,CA:FALSE"),
        (NID_key_usage, "critical,digitalSignature"),
        (NID_ext_key_usage, usage.configuration),
        (NID_subject_key_identifier, "hash"),
        (NID_authority_key_identifier, "keyid:always"),
        (NID_subject_alt_name, alternatives.joined(separator: ",")),
      ]
    )
    let certificate = try template.sign(
      subject: key,
      issuer: issuer.pointer,
      issuerKey: issuerKey
    )
    return IssuedCertificate(
      chainPEM: try certificate.pem() + certificatePEM,
      privateKeyPEM: try key.pem()
    )
  }

  /// The longest time a certificate may be valid; beyond it, a year of four digits is left behind.
  private static let daysMax = 36_500

  private static func end(after days: Int, from now: Timestamp) throws(Fault) -> Timestamp {
    guard (1...daysMax).contains(days) else {
      throw Fault(.invalidArgument, "A certificate is valid for 1 to \(daysMax) days")
    }
    return now + .seconds(86_400 * Int64(days))
  }
}
