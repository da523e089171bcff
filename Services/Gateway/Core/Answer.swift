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

  /// Sends an answer; where the request was `HEAD`, all of it but the body.
  static func send(
    _ content: Content,
    requestID: String,
    _ fields: (inout HeaderFields) -> Void = { _ in },
    to stream: any ServerStream
  ) {
    var head = HeaderFields()
    head.append("x-request-id", requestID)
    // Answers hold keys and customers' data, and what they say holds only now.
    head.append("cache-control", "no-store")
    if !content.body.isEmpty { head.append("content-type", "application/json") }
    // 204 has no content and must not state a length. Source: RFC 9110, section 8.6.
    if content.status != 204 { head.append("content-length", String(content.body.count)) }
    if let signature = content.signature {
      head.append("x-signature-timestamp", signature.timestamp)
      head.append("x-signature", signature.text)
    }
    fields(&head)
    let hasBody = !content.body.isEmpty && stream.request.method != .head
    stream.sendHead(status: content.status, head, isEnd: !hasBody)
    guard hasBody else { return }
    stream.sendBody { $0.append(contentsOf: content.body) }
    stream.finish(nil)
  }

  /// Sends a fault in the error envelope; the fault's private parts stay here.
  static func send(_ fault: Fault, requestID: String, to stream: any ServerStream) {
    let body = ErrorEnvelope.body(fault, requestID: requestID)
    send(
      Content(status: fault.httpStatus, body: body),
      requestID: requestID,
      { head in
        // A 401 says which credential would do. Source: RFC 9110, section 11.6.1.
        if fault.publicReason == .unauthorized { head.append("www-authenticate", "Bearer") }
      },
      to: stream
    )
  }

  /// Says which methods a path has: because that was asked, or because another one was used.
  static func sendAllowed(_ methods: [String], requestID: String, to stream: any ServerStream) {
    var content = Content(status: 204)
    if stream.request.method != .options {
      let fault = Fault(
        .unimplemented,
        "This address has only \(methods.joined(separator: ", "))",
        reason: .methodNotAllowed
      )
      content = Content(
        status: fault.httpStatus,
        body: ErrorEnvelope.body(fault, requestID: requestID)
      )
    }
    send(
      content,
      requestID: requestID,
      { $0.append("allow", methods.joined(separator: ", ")) },
      to: stream
    )
  }
}
