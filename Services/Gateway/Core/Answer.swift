internal import Cryptography
internal import EventLoop
internal import Faults
internal import HTTP
internal import Primitives
internal import Protobuf

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
    /// Whose key signs the body; nil where the route is not signed.
    var signatory: ResponseSigner.Signatory?
    /// What proves that the body is ours.
    var signature: Signature?
    /// For how long anybody may keep the answer; nil where nobody may.
    var cacheSeconds: Int?
  }

  /// The response signature and the time that it covers.
  struct Signature {
    /// Unix seconds, in decimal.
    var timestamp: String
    /// 64 lower-case hexadecimal digits.
    var text: String
    /// The same by the next key, over the same bytes and time; nil but during a rotation.
    var next: String?
  }

  /// What an answer says of its request, whatever came of it.
  struct Context {
    /// What `X-Request-Id` says.
    let requestID: String
    /// Whether the request was `HEAD`, whose answer has no body.
    let isHead: Bool
    /// What `Strict-Transport-Security` says; nil where it is not sent.
    let transportSecurity: String?
    /// The methods of the path, where they were asked for or another one was used.
    var allowed: [String] = []
    /// The schemes of `Authorization` that would do, for 401.
    var challenge = Route.Authentication.apiKey.challenge
    /// What becomes of the cookie of a session; nil where it stays as it is.
    var cookie: SessionCookie.Change?
    /// What the request has counted against; nil where clients are not held to limits.
    var rate: RateVerdict?
  }

  /// The head being written; kept between answers, so that writing one allocates nothing.
  private static var head = HeaderFields()

  /// Sends an answer; where the request was `HEAD`, all of it but the body.
  static func send(_ content: Content, _ context: Context, to stream: any ServerStream) {
    beginHead(context, cacheSeconds: content.cacheSeconds)
    if content.cacheSeconds != nil {
      let tag = entityTag(of: content.body)
      head.append("etag", tag)
      // The client has it already. Source: RFC 9110, section 15.4.5.
      guard !isHad(tag, by: stream.request.fields) else {
        return finish(status: 304, [], context, to: stream)
      }
    }
    if !content.body.isEmpty { head.append("content-type", "application/json") }
    // 204 has no content and must not state a length. Source: RFC 9110, section 8.6.
    if content.status != 204 { head.append("content-length", String(content.body.count)) }
    if let signature = content.signature {
      head.append("x-signature-timestamp", signature.timestamp)
      head.append("x-signature", signature.text, isOneOff: true)
      if let next = signature.next { head.append("x-signature-next", next, isOneOff: true) }
    }
    finish(status: content.status, content.body, context, to: stream)
  }

  /// Sends the head of an answer whose body follows piece by piece; its length is not known yet.
  static func sendRawHead(_ mediaType: String?, _ context: Context, to stream: any ServerStream) {
    beginHead(context)
    if let mediaType { head.append("content-type", mediaType) }
    stream.sendHead(status: 200, head, isEnd: context.isHead)
  }

  /// Sends a fault in the error envelope; the fault's private parts stay here.
  static func send(_ fault: Fault, _ context: Context, to stream: any ServerStream) {
    let body = ErrorEnvelope.body(fault, requestID: context.requestID)
    beginHead(context)
    head.append("content-type", "application/json")
    head.append("content-length", String(body.count))
    switch fault.publicReason {
    case .unauthorized:
      // Source: RFC 9110, section 11.6.1.
      head.append("www-authenticate", context.challenge)
    case .rateLimited:
      // Whole seconds: clients of the contract read nothing else.
      let told = fault.facts.first { $0.name == "retryAfterSeconds" }?.value
      if let seconds = told ?? context.rate?.retryAfterSeconds {
        head.append("retry-after", String(seconds))
      }
    default: break
    }
    finish(status: fault.httpStatus, body, context, to: stream)
  }

  /// Writes what every head has.
  private static func beginHead(_ context: Context, cacheSeconds: Int? = nil) {
    head.removeAll()
    head.append("x-request-id", context.requestID, isOneOff: true)
    // But for what is published, answers hold keys and customers' data, and what they say holds only now.
    head.append("cache-control", cacheSeconds.map { "public, max-age=\($0)" } ?? "no-store")
    appendProtection(to: &head)
    if let policy = context.transportSecurity { head.append("strict-transport-security", policy) }
    if let cookie = context.cookie {
      head.append("set-cookie", SessionCookie.field(cookie), isSecret: true)
    }
    if let rate = context.rate { append(rate, to: &head) }
    if !context.allowed.isEmpty {
      head.append("allow", context.allowed.joined(separator: ", "))
    }
  }

  /// Writes what keeps a browser from making more of an answer than data.
  ///
  /// Source: OWASP REST Security Cheat Sheet, "Security Headers".
  static func appendProtection(to head: inout HeaderFields) {
    head.append("x-content-type-options", "nosniff")
    head.append("content-security-policy", "default-src 'none'; frame-ancestors 'none'")
  }

  /// Writes what a client is told of its limit.
  ///
  /// Source: the API contract, section 4.3.
  static func append(_ rate: RateVerdict, to head: inout HeaderFields) {
    head.append("x-ratelimit-limit", String(rate.limit))
    head.append("x-ratelimit-remaining", String(rate.remaining))
    head.append("x-ratelimit-reset", String(rate.resetSeconds))
  }

  /// The name of a body: half of its hash, which nobody can give to another one.
  ///
  /// Source: RFC 9110, section 8.8.3.
  private static func entityTag(of body: [UInt8]) -> String {
    "\"\(Hex.encode(Array(SHA256.hash(body).prefix(16))))\""
  }

  /// Whether `If-None-Match` names a tag, or anything at all.
  ///
  /// Source: RFC 9110, section 13.1.2: the comparison is weak, so what a proxy made of the tag counts as well.
  private static func isHad(_ tag: String, by fields: HeaderFields) -> Bool {
    guard let names = fields.bytes(of: "if-none-match") else { return false }
    return names.split(separator: UInt8(ascii: ",")).contains { name in
      var name = name.drop { $0 == UInt8(ascii: " ") }
      while name.last == UInt8(ascii: " ") { name = name.dropLast() }
      if name.elementsEqual("*".utf8) { return true }
      return (name.starts(with: "W/".utf8) ? name.dropFirst(2) : name).elementsEqual(tag.utf8)
    }
  }

  private static func finish(
    status: Int,
    _ body: [UInt8],
    _ context: Context,
    to stream: any ServerStream
  ) {
    let hasBody = !body.isEmpty && !context.isHead
    stream.sendHead(status: status, head, isEnd: !hasBody)
    guard hasBody else { return }
    stream.sendBody { $0.append(contentsOf: body) }
    stream.finish(nil)
  }
}
