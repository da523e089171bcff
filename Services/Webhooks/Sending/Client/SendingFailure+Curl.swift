internal import CCurl

extension SendingFailure {
  /// What libcurl's code says about the exchange; nil for success.
  ///
  /// Source: libcurl, "Error codes".
  init?(_ code: CURLcode) {
    switch code {
    case CURLE_OK:
      return nil
    case CURLE_COULDNT_CONNECT:
      self = .refused
    case CURLE_OPERATION_TIMEDOUT:
      self = .timeout
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CIPHER,
      CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS,
      CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_CLIENTCERT:
      self = .tls
    case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_HTTP2,
      CURLE_HTTP2_STREAM:
      self = .reset
    case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING:
      self = .malformedReply
    // What libcurl says when a line of the head outgrows its own limit; Swift does not live on without memory.
    case CURLE_OUT_OF_MEMORY:
      self = .headTooLarge
    default:
      self = .internalError
    }
  }
}
