internal import CPQ
internal import Cryptography
internal import Primitives

extension Connection {
  /// When the certificate ends that the server has shown; nil on a connection without TLS.
  var certificateExpiry: Timestamp? {
    // The `SSL` of OpenSSL, which stays libpq's (PostgreSQL 15 manual, section 34.2, "PQsslStruct").
    guard let handle, let session = PQsslStruct(handle, "OpenSSL") else { return nil }
    return try? IssuedCertificate.expiry(ofPeerIn: OpaquePointer(session))
  }
}
