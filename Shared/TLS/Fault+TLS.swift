private import COpenSSL
internal import Faults

extension Fault {
  /// Why a session failed, in words for whoever looks after this side of it.
  ///
  /// - Parameters:
  ///   - errors: OpenSSL's queue after the failed call.
  ///   - code: What `SSL_get_error` said.
  ///   - verification: What `SSL_get_verify_result` says about the peer's certificate.
  /// - Returns: A fault whose message has fixed texts only; OpenSSL's own are in its detail.
  static func ofSession(_ errors: OpenSSLErrors, code: Int32, verification: Int) -> Fault {
    let detail = "\(errors.text) (SSL error \(code))"
    guard let entry = errors.entries.first(where: { $0.library == ERR_LIB_SSL }) else {
      return Fault(.unavailable, "The TLS session failed", detail: detail)
    }
    switch entry.reason {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      let reason = X509_verify_cert_error_string(verification).map { String(cString: $0) }
      return Fault(
        .unauthenticated,
        "The peer's certificate was refused: \(reason ?? "unknown reason")",
        detail: detail
      )
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return Fault(.unauthenticated, "The peer presented no certificate", detail: detail)
    case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST:
      return Fault(
        .invalidArgument,
        "The peer speaks plain HTTP where TLS is needed",
        detail: detail
      )
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW:
      return Fault(.invalidArgument, "The peer speaks no TLS newer than 1.1", detail: detail)
    case SSL_R_WRONG_VERSION_NUMBER:
      return Fault(.invalidArgument, "The peer does not speak TLS", detail: detail)
    case SSL_R_NO_SHARED_CIPHER:
      return Fault(.invalidArgument, "The peer offers no cipher suite we allow", detail: detail)
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return Fault(
        .invalidArgument,
        "The peer offers no application protocol we speak",
        detail: detail
      )
    case let reason where reason > SSL_AD_REASON_OFFSET:
      return ofAlert(reason - SSL_AD_REASON_OFFSET, detail: detail)
    default:
      return Fault(.unavailable, "The TLS session failed", detail: detail)
    }
  }

  /// What the peer's fatal alert says.
  private static func ofAlert(_ alert: Int32, detail: String) -> Fault {
    let name = String(cString: SSL_alert_desc_string_long(alert))
    switch alert {
    case SSL_AD_BAD_CERTIFICATE, SSL_AD_UNSUPPORTED_CERTIFICATE, SSL_AD_CERTIFICATE_REVOKED,
      SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA,
      SSL_AD_ACCESS_DENIED, TLS13_AD_CERTIFICATE_REQUIRED:
      return Fault(
        .unauthenticated,
        "The peer refused our certificate: \(name)",
        detail: detail
      )
    default:
      return Fault(.unavailable, "The peer ended the TLS session: \(name)", detail: detail)
    }
  }
}
