extension OpenAPIWriter {
  /// The body of every answer that is not a success.
  static let errorSchema = JSONValue.object([
    ("type", .string("object")),
    ("required", .array(["error", "code", "requestId"].map { .string($0) })),
    (
      "properties",
      .object([
        ("error", described("string", "One sentence for people.")),
        ("code", described("string", "The stable name that programs match on.")),
        (
          "details",
          .object([
            ("type", .string("object")),
            ("description", .string("Facts about the error, such as `max` and `current`.")),
            (
              "properties",
              .object([
                (
                  "issues",
                  .object([
                    ("type", .string("array")),
                    ("description", .string("Every refused input field.")),
                    ("items", issueSchema),
                  ])
                )
              ])
            ),
          ])
        ),
        ("requestId", described("string", "The same as the header X-Request-Id.")),
      ])
    ),
  ])

  private static let issueSchema = JSONValue.object([
    ("type", .string("object")),
    ("required", .array(["path", "message", "code"].map { .string($0) })),
    (
      "properties",
      .object([
        (
          "path",
          .object([
            ("type", .string("array")),
            ("description", .string("Where the field is, outermost name first.")),
            (
              "items",
              .object([("type", .array([.string("string"), .string("integer")]))])
            ),
          ])
        ),
        ("message", described("string", "What is wrong and what would be right.")),
        ("code", described("string", "The stable kind of the problem.")),
      ])
    ),
  ])

  static let headers = JSONValue.object([
    ("RequestId", header("string", "The id of the request, 26 characters.", isRequired: true)),
    (
      "RateLimitLimit",
      header("integer", "How many requests a minute are allowed; absent where limits are off.")
    ),
    ("RateLimitRemaining", header("integer", "How many requests are left at once.")),
    ("RateLimitReset", header("integer", "When all are there again, in Unix seconds.")),
    (
      "RetryAfter",
      header("integer", "Whole seconds until the next request is allowed.", isRequired: true)
    ),
    (
      "Challenge",
      header("string", "The schemes of `Authorization` that would do.", isRequired: true)
    ),
    ("Allow", header("string", "The methods that the path has.", isRequired: true)),
    (
      "Signature",
      header(
        "string",
        "HMAC-SHA256, in lower-case hex, of the timestamp's text, a full stop, and the body's bytes."
      )
    ),
    ("SignatureTimestamp", header("integer", "When the answer was signed, in Unix seconds.")),
    ("ETag", header("string", "Stands for this very answer; `If-None-Match` takes it.")),
  ])

  /// Parameters that are headers.
  static let parameters = JSONValue.object([
    (
      "IdempotencyKey",
      .object([
        ("name", .string("Idempotency-Key")), ("in", .string("header")),
        (
          "description",
          .string(
            "Makes it safe to send the request again: the same key with the same body gets the answer of the first "
              + "one, with another body 409."
          )
        ),
        (
          "schema",
          .object([
            ("type", .string("string")), ("minLength", .integer(1)), ("maxLength", .integer(255)),
            ("pattern", .string("^[!-~]+$")),
          ])
        ),
      ])
    )
  ])

  /// The kinds of credential that some operation takes.
  func securitySchemes(_ operations: [Operation]) -> JSONValue {
    let used = Set(operations.flatMap(\.schemes))
    return .object(Self.allSecuritySchemes.filter { used.contains($0.0) })
  }

  private static let allSecuritySchemes: [(String, JSONValue)] = [
    (
      "apiKey",
      .object([
        ("type", .string("http")), ("scheme", .string("bearer")),
        (
          "description",
          .string("An API key, `lk_test_...` or `lk_live_...`, with the scope that is named.")
        ),
      ])
    ),
    (
      "licenseKey",
      // Not of the type `http`, whose schemes are those that IANA knows.
      .object([
        ("type", .string("apiKey")), ("in", .string("header")), ("name", .string("Authorization")),
        ("description", .string("A license key: `Authorization: License PREFIX-...`.")),
      ])
    ),
    (
      "dashboard",
      .object([
        ("type", .string("apiKey")), ("in", .string("cookie")),
        ("name", .string("__Host-latchkey-session")),
        (
          "description",
          .string(
            "A user of the dashboard who is logged in, and whose role has the scope that is named. The environment is "
              + "that of the header `Latchkey-Environment`: `test`, also where it is absent, or `live`. A request that "
              + "is neither GET nor HEAD needs the header `X-Latchkey-CSRF: 1` besides."
          )
        ),
      ])
    ),
  ]

  private static func described(_ type: String, _ description: String) -> JSONValue {
    .object([("type", .string(type)), ("description", .string(description))])
  }

  private static func header(
    _ type: String,
    _ description: String,
    isRequired: Bool = false
  ) -> JSONValue {
    var members: [(String, JSONValue)] = [("description", .string(description))]
    if isRequired { members.append(("required", .bool(true))) }
    members.append(("schema", .object([("type", .string(type))])))
    return .object(members)
  }
}
