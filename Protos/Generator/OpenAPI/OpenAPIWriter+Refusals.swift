/// An answer that is no success: its status, what it means, and which operations can give it.
struct Refusal: Sendable {
  let status: Int
  /// The name of the component.
  let name: String
  let description: String
  /// What the answer has beside the headers of every answer; each is a component.
  var headers: [(name: String, component: String)] = []
  let applies: @Sendable (Operation) -> Bool

  /// All there are.
  ///
  /// Source: the API contract, sections 4.1 and 4.2.
  static let all: [Refusal] = [
    Refusal(
      status: 400,
      name: "BadRequest",
      description: "The input is not acceptable; `details.issues` names every bad field.",
      applies: { _ in true }
    ),
    Refusal(
      status: 401,
      name: "Unauthorized",
      description: "The credential is missing, unknown, revoked or expired.",
      headers: [("WWW-Authenticate", "Challenge")],
      applies: { $0.rest.authentication != "none" }
    ),
    Refusal(
      status: 403,
      name: "Forbidden",
      description:
        "The API key or the user's role lacks the scope, or what a browser sends may be another site's doing.",
      applies: {
        $0.method.scope != nil || $0.rest.authentication == "optionalAPIKey"
          || ($0.changesSomething && ($0.rest.isForUsers || $0.beginsSessions))
      }
    ),
    Refusal(
      status: 404,
      name: "NotFound",
      description:
        "What the request names does not exist, was deleted, or belongs to somebody else.",
      // What is asked for without a name, because there is one of it, may not have been made.
      applies: {
        $0.changesSomething || !$0.rest.parameters.isEmpty
          || ($0.rest.isEnveloped && $0.rest.responseBody == "json")
      }
    ),
    Refusal(
      status: 405,
      name: "MethodNotAllowed",
      description:
        "What stands in the path's place of a parameter makes it another path, without this method.",
      headers: [("Allow", "Allow")],
      applies: { !$0.rest.parameters.isEmpty }
    ),
    Refusal(
      status: 408,
      name: "RequestTimeout",
      description: "The body did not come in time.",
      applies: { $0.hasBody }
    ),
    Refusal(
      status: 409,
      name: "Conflict",
      description: "What the request wants does not fit the present state.",
      applies: { $0.changesSomething }
    ),
    Refusal(
      status: 413,
      name: "PayloadTooLarge",
      description: "The body is too large.",
      applies: { $0.changesSomething }
    ),
    Refusal(
      status: 414,
      name: "URITooLong",
      description: "The address is too long.",
      applies: { _ in true }
    ),
    Refusal(
      status: 415,
      name: "UnsupportedMediaType",
      description: "The body has another content type, or is compressed.",
      applies: { $0.hasBody }
    ),
    Refusal(
      status: 422,
      name: "UnprocessableContent",
      description: "The input is acceptable, but a rule or a limit forbids what it asks for.",
      applies: { $0.changesSomething }
    ),
    Refusal(
      status: 429,
      name: "RateLimited",
      description: "Too many requests; the next one is allowed after `Retry-After`.",
      headers: [("Retry-After", "RetryAfter")],
      applies: { _ in true }
    ),
    Refusal(
      status: 431,
      name: "HeadersTooLarge",
      description: "The header fields are too large.",
      applies: { _ in true }
    ),
    Refusal(
      status: 500,
      name: "InternalError",
      description: "A failure of the service's own.",
      applies: { _ in true }
    ),
    Refusal(
      status: 503,
      name: "ServiceUnavailable",
      description: "A part of the service is out of reach; the request may be sent again.",
      applies: { _ in true }
    ),
  ]
}

extension OpenAPIWriter {
  /// The refusals as components; those that no operation can give are left out.
  func refusals(_ operations: [Operation]) -> JSONValue {
    .object(
      Refusal.all.filter { operations.contains(where: $0.applies) }.map { refusal in
        let headers =
          Self.headersOfAll + refusal.headers.map { ($0.name, Self.header($0.component)) }
        return (
          refusal.name,
          .object([
            ("description", .string(refusal.description)),
            ("headers", .object(headers)),
            ("content", Self.json(.object([("$ref", .string("#/components/schemas/Error"))]))),
          ])
        )
      }
    )
  }

  /// The refusals that an operation can give, by status.
  func refusals(of operation: Operation) -> [(String, JSONValue)] {
    Refusal.all.filter { $0.applies(operation) }.map { refusal in
      (
        "\(refusal.status)",
        .object([("$ref", .string("#/components/responses/\(refusal.name)"))])
      )
    }
  }

  /// The headers of every answer.
  static let headersOfAll: [(String, JSONValue)] = [
    ("X-Request-Id", header("RequestId")),
    ("X-RateLimit-Limit", header("RateLimitLimit")),
    ("X-RateLimit-Remaining", header("RateLimitRemaining")),
    ("X-RateLimit-Reset", header("RateLimitReset")),
  ]

  static func header(_ component: String) -> JSONValue {
    .object([("$ref", .string("#/components/headers/\(component)"))])
  }
}

extension Operation {
  /// Whether a request has a body that is read.
  var hasBody: Bool { rest.verb != "get" && !request.bodyFields.isEmpty }

  /// Whether it is no mere question.
  var changesSomething: Bool { rest.verb != "get" }

  /// Whether the answer may begin a session.
  var beginsSessions: Bool { rest.authentication == "login" }

  /// Whether the header `Idempotency-Key` means something; as `Route.takesIdempotencyKeys` in the gateway.
  var takesIdempotencyKeys: Bool {
    (rest.verb == "post" || rest.verb == "patch") && rest.requestBody == "json" && !beginsSessions
  }
}
