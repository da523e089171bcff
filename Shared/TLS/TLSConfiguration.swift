public import Cryptography

/// What a TLS server or client presents, trusts and speaks.
///
/// Fixed for all of Latchkey and so not here: TLS 1.2 and 1.3 only, AEAD suites with forward secrecy
/// only, no renegotiation, no compression, no early data, resumption by tickets.
public struct TLSConfiguration: Sendable {
  /// Which side of the handshake this is.
  public enum Role: Sendable {
    case server
    case client
  }

  /// Which side of the handshake this is.
  public var role: Role
  /// The certificate chain and key presented to the peer; a server always has one.
  public var identity: TLSIdentity?
  /// What a server presents in place of ``identity`` to clients that ask for a name of one of these (RFC 6066,
  /// section 3); the first one that has the name is taken.
  public var namedIdentities: [TLSIdentity] = []
  /// Certificates in PEM of the authorities that may have issued the peer's certificate.
  ///
  /// A client always has some. A server that has some demands a certificate from every client.
  public var authorities: [UInt8]?
  /// The ALPN names this side speaks, the preferred one first, such as `["h2", "http/1.1"]`.
  ///
  /// The server's order decides. A client that offers names of which none is here is refused with
  /// the alert `no_application_protocol`; one that offers none at all gets a session whose
  /// ``TLSSession/applicationProtocol`` is nil.
  public var applicationProtocols: [String]

  /// A server; with `clientAuthorities`, one that lets in only clients with a certificate of theirs.
  public static func server(
    identity: TLSIdentity,
    namedIdentities: [TLSIdentity] = [],
    clientAuthorities: [UInt8]? = nil,
    applicationProtocols: [String]
  ) -> TLSConfiguration {
    TLSConfiguration(
      role: .server,
      identity: identity,
      namedIdentities: namedIdentities,
      authorities: clientAuthorities,
      applicationProtocols: applicationProtocols
    )
  }

  /// A client that trusts `authorities`; with `identity`, one that can answer a server's demand
  /// for a certificate.
  public static func client(
    authorities: [UInt8],
    identity: TLSIdentity? = nil,
    applicationProtocols: [String]
  ) -> TLSConfiguration {
    TLSConfiguration(
      role: .client,
      identity: identity,
      authorities: authorities,
      applicationProtocols: applicationProtocols
    )
  }
}

/// A certificate chain and the private key of its first certificate, both in PEM.
public struct TLSIdentity: Sendable {
  /// The chain in PEM, the own certificate first, then each issuer; the root may be left out.
  public let certificateChain: [UInt8]
  /// The unencrypted private key in PEM, in memory that is wiped.
  let privateKey: SecretBytes

  /// Makes an identity; nothing is checked before a ``TLSContext`` is made from it.
  public init(certificateChain: [UInt8], privateKey: SecretBytes) {
    self.certificateChain = certificateChain
    self.privateKey = privateKey
  }
}

extension TLSIdentity: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Sizes only: the key appears in no text.
  public var description: String {
    "TLSIdentity(chain: \(certificateChain.count) bytes, key: redacted)"
  }

  /// The same as `description`.
  public var debugDescription: String { description }

  /// Shows no children, so that `dump` does not print the key.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
