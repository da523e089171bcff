/// One POST to an endpoint.
public struct OutgoingRequest: Sendable {
  /// Where it goes.
  public let url: WebhookURL
  /// What is sent besides `Host`, `User-Agent`, `Accept` and `Content-Length`, which the sender adds.
  public let headers: [HeaderField]
  /// The exact bytes of the body.
  public let body: [UInt8]
  /// Whom to trust in place of the system's authorities; nil for those.
  public let authorities: TrustedAuthorities?

  /// Makes a request.
  public init(
    url: WebhookURL,
    headers: [HeaderField],
    body: [UInt8],
    authorities: TrustedAuthorities? = nil
  ) {
    self.url = url
    self.headers = headers
    self.body = body
    self.authorities = authorities
  }
}
