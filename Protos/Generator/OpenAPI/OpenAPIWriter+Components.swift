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
          described("object", "Facts about the error; `issues` lists each refused input field.")
        ),
        ("requestId", described("string", "The same as the header X-Request-Id.")),
      ])
    ),
  ])

  static let responses = JSONValue.object([
    (
      "Error",
      .object([
        ("description", .string("The request was refused or could not be answered.")),
        (
          "headers",
          .object([
            ("X-Request-Id", .object([("$ref", .string("#/components/headers/RequestId"))]))
          ])
        ),
        (
          "content",
          .object([
            (
              "application/json",
              .object([
                ("schema", .object([("$ref", .string("#/components/schemas/Error"))]))
              ])
            )
          ])
        ),
      ])
    )
  ])

  static let headers = JSONValue.object([
    ("RequestId", header("The id of the request, 26 characters.")),
    (
      "Signature",
      header(
        "HMAC-SHA256, in lower-case hex, of the timestamp's text, a full stop, and the body's bytes."
      )
    ),
    ("SignatureTimestamp", header("When the answer was signed, in Unix seconds.")),
  ])

  static let securitySchemes = JSONValue.object([
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
      .object([
        ("type", .string("http")), ("scheme", .string("license")),
        ("description", .string("A license key: `Authorization: License PREFIX-...`.")),
      ])
    ),
    (
      "dashboard",
      .object([
        ("type", .string("apiKey")), ("in", .string("cookie")), ("name", .string("session")),
        ("description", .string("A user of the dashboard who is logged in.")),
      ])
    ),
  ])

  private static func described(_ type: String, _ description: String) -> JSONValue {
    .object([("type", .string(type)), ("description", .string(description))])
  }

  private static func header(_ description: String) -> JSONValue {
    .object([
      ("description", .string(description)), ("schema", .object([("type", .string("string"))])),
    ])
  }
}
