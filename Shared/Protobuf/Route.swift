/// The REST face of one method, as the contract's `rest` option gives it.
public struct Route: Sendable {
  /// An HTTP method.
  public enum Verb: String, Sendable, CaseIterable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
  }

  /// One part of a path between slashes.
  public enum Segment: Sendable, Equatable {
    /// Must be equal to the request's segment.
    case literal(String)
    /// Takes the request's segment, percent-decoded and without the ending that it must have, as the value of the
    /// request field at this position.
    case field(Int, suffix: String = "")
  }

  /// The credential that a request must bring.
  public enum Authentication: Sendable {
    case none
    /// An API key or the session of a user, as wherever an API key is named here.
    case apiKey
    case licenseKey
    case apiKeyOrLicenseKey
    /// The session of a user.
    case dashboard
    /// None is needed; an API key that is brought says who asks.
    case optionalAPIKey
    /// None yet; the answer may begin a session.
    case login
  }

  /// The rate limit that a request counts against.
  public enum Limit: Sendable, CaseIterable {
    case validation
    case activation
    case management
    case publicPages
  }

  /// What a body is.
  public enum Body: Sendable {
    /// JSON made from the message.
    case json
    /// The one `bytes` field of each message of a stream, as it is.
    case raw
  }

  /// The HTTP method.
  public var verb: Verb
  /// The path as the contract writes it; what logs show instead of paths.
  public var template: String
  /// The parts of the path.
  public var segments: [Segment]
  /// The full name of the service, such as `latchkey.licenses.v1.Licenses`.
  public var service: String
  /// The path of the call, such as `/latchkey.licenses.v1.Licenses/ValidateKey`.
  public var rpc: String
  /// The schema of the request.
  public var request: MessageSchema
  /// The schema of the answer.
  public var response: MessageSchema
  /// The credential that a request must bring.
  public var authentication: Authentication
  /// The scope that an API key must hold.
  public var scope: String?
  /// The rate limit that a request counts against.
  public var limit: Limit
  /// The position of the request's field that holds the license key which the request counts against.
  public var limitedBy: Int?
  /// The HTTP status of success; 204 sends no body.
  public var successStatus: Int
  /// Whether the answer carries the account's response signature.
  public var isSigned: Bool
  /// Whether the answer is wrapped as `{"data": ...}`.
  public var isEnveloped: Bool
  /// What the request's body is.
  public var requestBody: Body
  /// What the answer's body is.
  public var responseBody: Body
  /// The content type of the body that is raw; nil where none is.
  public var mediaType: String?
  /// For how long anybody may keep the answer, in seconds; nil where nobody may.
  public var cacheSeconds: Int?
  /// Whether the call may be repeated when a connection is lost.
  public var isIdempotent: Bool
  /// Whether the call travels with others on one stream.
  public var isTrunked: Bool
  /// The deadline of the call.
  public var timeout: Duration?

  /// Makes a route.
  public init(
    _ verb: Verb,
    _ template: String,
    _ segments: [Segment],
    service: String,
    rpc: String,
    request: MessageSchema,
    response: MessageSchema,
    authentication: Authentication,
    scope: String? = nil,
    limit: Limit = .management,
    limitedBy: Int? = nil,
    successStatus: Int = 200,
    isSigned: Bool = false,
    isEnveloped: Bool = true,
    requestBody: Body = .json,
    responseBody: Body = .json,
    mediaType: String? = nil,
    cacheSeconds: Int? = nil,
    isIdempotent: Bool = false,
    isTrunked: Bool = false,
    timeout: Duration? = nil
  ) {
    self.verb = verb
    self.template = template
    self.segments = segments
    self.service = service
    self.rpc = rpc
    self.request = request
    self.response = response
    self.authentication = authentication
    self.scope = scope
    self.limit = limit
    self.limitedBy = limitedBy
    self.successStatus = successStatus
    self.isSigned = isSigned
    self.isEnveloped = isEnveloped
    self.requestBody = requestBody
    self.responseBody = responseBody
    self.mediaType = mediaType
    self.cacheSeconds = cacheSeconds
    self.isIdempotent = isIdempotent
    self.isTrunked = isTrunked
    self.timeout = timeout
  }
}
