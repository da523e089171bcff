/// What came of one request.
public struct Outcome: Sendable {
  /// The status of the reply; nil when none came.
  public var status: Int?
  /// Why the exchange did not end well; nil when the whole reply was read.
  public var failure: SendingFailure?
  /// More about the failure, in libcurl's words, for the owner of the endpoint.
  public var detail: String?
  /// The reply's status line and headers as they came, at most ``SendingLimits/headBytesKept`` of them.
  public var replyHead: [UInt8] = []
  /// The beginning of the reply's body, at most ``SendingLimits/bodyBytesKept`` bytes.
  public var replyBody: [UInt8] = []
  /// The value of the reply's `Retry-After`.
  public var retryAfter: String?
  /// How long it took, from the look-up of the name to the end of the reply.
  public var duration: Duration = .zero
  /// The address that was connected to; nil when none was.
  public var address: IPAddress?
  /// `1.1` or `2`; nil when no reply came.
  public var httpVersion: String?

  /// Makes an outcome.
  public init(status: Int? = nil, failure: SendingFailure? = nil, detail: String? = nil) {
    self.status = status
    self.failure = failure
    self.detail = detail
  }
}

/// Why an exchange did not end well.
///
/// The raw values are stored and shown.
public enum SendingFailure: String, Hashable, Sendable, CaseIterable {
  /// The host name has no address, or nobody could say which.
  case dns
  /// The host resolves to an address that must not be called.
  case blockedAddress = "blocked_address"
  /// Nobody listens there, or the network cannot reach it.
  case refused
  /// The certificate was not accepted, or TLS failed otherwise.
  case tls
  /// The time for connecting, or for the whole delivery, was over.
  case timeout
  /// The connection ended before the reply did.
  case reset
  /// The reply was no HTTP.
  case malformedReply = "malformed_reply"
  /// The reply's headers were too many or too large.
  case headTooLarge = "head_too_large"
  /// The reply's body was too large; the rest was not read. The status counts.
  case bodyTooLarge = "body_too_large"
  /// The sender was stopped or the task cancelled; says nothing about the endpoint.
  case cancelled
  /// Something here went wrong; says nothing about the endpoint.
  case internalError = "internal"

  /// A sentence for the owner of the endpoint.
  public var text: String {
    switch self {
    case .dns: "The host name could not be resolved"
    case .blockedAddress: "The host resolves to an address that must not be called"
    case .refused: "No connection could be made"
    case .tls: "No secure connection could be made"
    case .timeout: "No complete reply came in time"
    case .reset: "The connection ended before the reply was complete"
    case .malformedReply: "The reply was not valid HTTP"
    case .headTooLarge: "The reply's headers were too large"
    case .bodyTooLarge: "The reply's body was too large; the rest was not read"
    case .cancelled: "The attempt was cancelled"
    case .internalError: "The attempt could not be made"
    }
  }
}
