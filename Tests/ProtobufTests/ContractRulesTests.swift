import Foundation
import Testing

@testable import latchkey_protogen

/// A contract that breaks a rule is refused, naming the declaration: what is generated is never half right.
@Suite struct ContractRulesTests {
  /// A contract with one mistake, and part of the complaint.
  struct Mistake: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let contract: String
    let complaint: String

    init(_ what: String, _ contract: String, _ complaint: String) {
      testDescription = what
      self.contract = contract
      self.complaint = complaint
    }
  }

  static let mistakes: [Mistake] = [
    Mistake("a required field", "// M.\nmessage M { required int32 a = 1; }", "write `optional`"),
    Mistake(
      "a native default",
      "// M.\nmessage M { optional int32 a = 1 [default = 1]; }",
      "t.M.a"
    ),
    Mistake("a oneof", "// M.\nmessage M { oneof x { int32 a = 1; } }", "oneofs"),
    Mistake("a group", "// M.\nmessage M { optional group G = 1 {} }", "groups"),
    Mistake("a message without a comment", "message M {}", "t.M: a message needs a comment"),
    Mistake("an enum without a comment", "enum E { A = 1; }", "t.E: an enum needs a comment"),
    Mistake("recursion", "// M.\nmessage M { optional M m = 1; }", "must not contain itself"),
    Mistake(
      "recursion by way of another",
      "// M.\nmessage M { repeated N n = 1; }\n// N.\nmessage N { optional M m = 1; }",
      "t.N: a message must not contain itself"
    ),
    Mistake("a name in camel case", "// M.\nmessage M { optional int32 aB = 1; }", "snake_case"),
    Mistake(
      "a pattern on a number",
      "// M.\nmessage M { optional int32 a = 1 [(latchkey.field) = { pattern: \"[a]\" }]; }",
      "a pattern needs string"
    ),
    Mistake(
      "a pattern that is no class",
      "// M.\nmessage M { optional string a = 1 [(latchkey.field) = { pattern: \"a+\" }]; }",
      "one class of ASCII characters"
    ),
    Mistake(
      "limits the wrong way round",
      "// M.\nmessage M { optional int32 a = 1 [(latchkey.field) = { min: 2 max: 1 }]; }",
      "a minimum is above its maximum"
    ),
    Mistake(
      "a time as text",
      "// M.\nmessage M { optional string a = 1 [(latchkey.field) = { format: DATE_TIME }]; }",
      "DATE_TIME needs int64"
    ),
    Mistake(
      "two values with one wire name",
      "// E.\nenum E { A = 1 [(latchkey.wire) = \"x\"]; B = 2 [(latchkey.wire) = \"x\"]; }",
      "must differ"
    ),
    Mistake(
      "a service that nobody may call",
      "// M.\nmessage M {}\n// S.\nservice S {\n// C.\nrpc C(M) returns (M);\n}",
      "nobody may call"
    ),
    Mistake(
      "a path with an unknown name",
      rest("get: \"/a/{b}\" auth: NONE", "optional string a = 1;"),
      "no field with the JSON name b"
    ),
    Mistake(
      "a path with an optional name",
      rest("get: \"/a/{a}\" auth: NONE", "optional string a = 1;"),
      "must be required"
    ),
    Mistake(
      "GET with a body",
      rest("get: \"/a\" auth: NONE", "optional string a = 1;"),
      "GET has no body"
    ),
    Mistake("an API key without a scope", rest("post: \"/a\"", ""), "needs a scope"),
    Mistake(
      "a scope without a credential",
      rest("post: \"/a\" auth: NONE scope: \"x\"", ""),
      "a scope needs an API key"
    ),
    Mistake(
      "a scope before anybody is logged in",
      rest("post: \"/a\" auth: LOGIN scope: \"x\"", ""),
      "a scope needs an API key"
    ),
    Mistake(
      "a scope for license keys alone",
      rest("post: \"/a\" auth: LICENSE_KEY scope: \"x\"", ""),
      "a scope needs an API key"
    ),
    Mistake(
      "a limit by a field that is not there",
      rest("post: \"/a\" auth: NONE limited_by: \"b\"", "optional string a = 1;"),
      "limited_by names one string"
    ),
    Mistake(
      "a limit by a number",
      rest("post: \"/a\" auth: NONE limited_by: \"a\"", "optional int32 a = 1;"),
      "limited_by names one string"
    ),
    Mistake(
      "a raw request in one message",
      rest(
        "post: \"/a\" auth: NONE request_body: RAW media_type: \"a/b\"",
        "optional bytes a = 1;"
      ),
      "streams what is RAW"
    ),
    Mistake(
      "a stream that is not raw",
      rest("post: \"/a\" auth: NONE", "optional bytes a = 1;", streams: "request"),
      "streams what is RAW"
    ),
    Mistake(
      "a raw answer to a stream of requests",
      rest(
        "post: \"/a\" auth: NONE response_body: RAW media_type: \"a/b\"",
        "optional bytes a = 1;",
        streams: "request"
      ),
      "streams what is RAW"
    ),
    Mistake(
      "two raw bodies",
      rest(
        "post: \"/a\" auth: NONE request_body: RAW response_body: RAW media_type: \"a/b\"",
        "optional bytes a = 1;",
        streams: "both"
      ),
      "only one of the two bodies"
    ),
    Mistake(
      "a raw request without a media type",
      rest(
        "post: \"/a\" auth: NONE request_body: RAW",
        "optional bytes a = 1;",
        streams: "request"
      ),
      "needs media_type"
    ),
    Mistake(
      "a raw request that may take for ever",
      rest(
        "post: \"/a\" auth: NONE request_body: RAW media_type: \"a/b\"",
        "optional bytes a = 1;",
        streams: "request",
        timeout: false
      ),
      "how long a raw body may take must be said"
    ),
    Mistake(
      "a media type with parameters",
      rest(
        "post: \"/a\" auth: NONE request_body: RAW media_type: \"text/csv; charset=utf-8\"",
        "optional bytes a = 1;",
        streams: "request"
      ),
      "a type and a subtype"
    ),
    Mistake(
      "a media type of JSON",
      rest("post: \"/a\" auth: NONE media_type: \"text/csv\"", "optional bytes a = 1;"),
      "no other body has one"
    ),
    Mistake(
      "a raw request of two fields",
      rest(
        "post: \"/a\" auth: NONE request_body: RAW media_type: \"a/b\"",
        "optional bytes a = 1; optional string b = 2;",
        streams: "request"
      ),
      "exactly one `bytes` field"
    ),
    Mistake(
      "a raw request whose bytes are required",
      rest(
        "post: \"/a\" auth: NONE request_body: RAW media_type: \"a/b\"",
        "optional bytes a = 1 [(latchkey.field) = { required: true }];",
        streams: "request"
      ),
      "cannot be required"
    ),
    Mistake(
      "a raw request without a body",
      rest(
        "delete: \"/a\" auth: NONE request_body: RAW media_type: \"a/b\"",
        "optional bytes a = 1;",
        streams: "request"
      ),
      "needs POST, PUT or PATCH"
    ),
    Mistake(
      "two methods on one route",
      "// M.\nmessage M { optional string a = 1 [(latchkey.field) = { required: true }]; }\n"
        + "// S.\nservice S {\n  option (latchkey.callers) = \"*\";\n"
        + "  // C.\n  rpc C(M) returns (M) { option (latchkey.rest) = { get: \"/x/{a}\" auth: NONE }; }\n"
        + "  // D.\n  rpc D(M) returns (M) { option (latchkey.rest) = { get: \"/x/{a}\" auth: NONE }; }\n}",
      "has the route of t.S.C"
    ),
  ]

  private static func rest(
    _ face: String,
    _ fields: String,
    streams: String = "nothing",
    timeout: Bool = true
  ) -> String {
    let request = streams == "request" || streams == "both" ? "stream M" : "M"
    let response = streams == "response" || streams == "both" ? "stream M" : "M"
    let call = timeout ? " option (latchkey.call) = { timeout_ms: 1 };" : ""
    return "// M.\nmessage M { \(fields) }\n// S.\nservice S {\n"
      + "  option (latchkey.callers) = \"*\";\n  // C.\n"
      + "  rpc C(\(request)) returns (\(response)) { option (latchkey.rest) = { \(face) };\(call) }\n}"
  }

  @Test(arguments: mistakes) func `a mistake is refused`(mistake: Mistake) throws {
    let failure = try #require(throws: Failure.self) { try check(mistake.contract) }
    #expect(failure.description.contains(mistake.complaint))
  }

  @Test func `a contract without a mistake is accepted`() throws {
    for (face, fields, streams) in [
      ("post: \"/a\" auth: NONE", "optional string a = 1;", "nothing"),
      ("post: \"/a\" auth: NONE limited_by: \"a\"", "optional string a = 1;", "nothing"),
      ("post: \"/a\" auth: OPTIONAL_API_KEY", "optional string a = 1;", "nothing"),
      ("post: \"/a\" auth: LICENSE_KEY", "optional string a = 1;", "nothing"),
      (
        "post: \"/a\" scope: \"x\" request_body: RAW media_type: \"text/csv\"",
        "optional bytes a = 1; optional bool b = 2 [(latchkey.field) = { where: QUERY }];",
        "request"
      ),
      (
        "post: \"/a\" scope: \"x\" response_body: RAW media_type: \"text/csv\"",
        "optional bytes a = 1;", "response"
      ),
    ] {
      try check(Self.rest(face, fields, streams: streams))
    }
  }

  private func check(_ contract: String) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = "syntax = \"proto2\";\npackage t;\nimport \"latchkey/options.proto\";\n\(contract)\n"
    try Data(text.utf8).write(to: folder.appending(path: "t.proto"))
    let output = folder.appending(path: "t.pb").path
    _ = try Protoc.run(
      ["-I", folder.path] + Protoc.includes + [
        "--include_imports", "--include_source_info", "--descriptor_set_out=\(output)", "t.proto",
      ]
    )
    let set = try DescriptorSet(readFile(output))
    var reader = ContractReader()
    for file in set.contractFiles { try reader.read(file) }
    var rules = Rules(reader.contracts)
    try rules.check(files: reader.contracts.files)
  }

  @Test func `character classes are read as they are written`() throws {
    let bits = try #require(PatternBits("[A-Z0_-]"))
    #expect(bits.low == 1 << 45 | 1 << 48)
    #expect(bits.high == 0x7FF_FFFE | 1 << 31)
    for bad in ["", "[]", "[^a]", "[a", "[z-a]", "[a]+", "[ä]", "[\\d]"] {
      #expect(PatternBits(bad) == nil, "\(bad)")
    }
  }
}
