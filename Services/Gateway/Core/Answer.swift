internal import EventLoop
internal import Faults
internal import HTTP

/// Sends answers, with the fields that every one of them has.
///
/// Source: the API contract, sections 2.1.1, 4.1 and 9 (row 6).
@EventLoop
enum Answer {
  /// What an answer says.
  struct Content {
    /// The HTTP status; 204 has no body.
    var status: Int
    /// The JSON text.
    var body: [UInt8] = []
    /// What proves that the body is ours.
    var signature: Signature?
  }

  /// The response signature and the time that it covers.
  struct Signature {
    /// Unix seconds, in decimal.
    var timestamp: String
    /// 64 lower-case hexadecimal digits.
    var text: String
  }

  /// The head being written; kept between answers, so that writing one allocates nothing.
  private static var head = HeaderFields()

  /// Sends an answer; where the request was `HEAD`, all of it but the body.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - requestID: What `X-Request-Id` says.
  ///   - allowed: The methods of the path, where they were asked for or another one was used.
  ///   - isHead: Whether the request was `HEAD`.
  ///   - challenge: The kind of credential that would do, for 401.
  ///   - stream: The way back.
  static func send(
    _ content: Content,
    requestID: String,
    allowed: [String] = [],
    isHead: Bool,
    challenge: String? = nil,
    to stream: any ServerStream
  ) {
    head.removeAll()
    head.append("x-request-id", requestID, isOneOff: true)
    // Answers hold keys and customers' data, and what they say holds only now.
    head.append("cache-control", "no-store")
    if !content.body.isEmpty { head.append("content-type", "application/json") }
    // 204 has no content and must not state a length. Source: RFC 9110, section 8.6.
    if content.status != 204 { head.append("content-length", String(content.body.count)) }
    if let signature = content.signature {
      head.append("x-signature-timestamp", signature.timestamp)
      head.append("x-signature", signature.text, isOneOff: true)
    }
    if !allowed.isEmpty { head.append("allow", allowed.joined(separator: ", ")) }
    if let challenge { head.append("www-authenticate", challenge) }
    let hasBody = !content.body.isEmpty && !isHead
    stream.sendHead(status: content.status, head, isEnd: !hasBody)
    guard hasBody else { return }
    stream.sendBody { $0.append(contentsOf: content.body) }
    stream.finish(nil)
  }

  /// Sends a fault in the error envelope; the fault's private parts stay here.
  static func send(
    _ fault: Fault,
    requestID: String,
    allowed: [String] = [],
    isHead: Bool,
    to stream: any ServerStream
  ) {
    let content = Content(
      status: fault.httpStatus,
      body: ErrorEnvelope.body(fault, requestID: requestID)
    )
    // A 401 says which credential would do. Source: RFC 9110, section 11.6.1.
    let challenge = fault.publicReason == .unauthorized ? "Bearer" : nil
    send(
      content,
      requestID: requestID,
      allowed: allowed,
      isHead: isHead,
      challenge: challenge,
      to: stream
    )
  }
}
