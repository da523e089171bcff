import Faults
import Messages
import Protobuf
import TestMessages
import Testing
import Transcoding

/// What a service gets to see of a request.
private func request<Request: ContractMessage>(
  _: Request.Type,
  _ body: String = "",
  path: [(String, String)] = [],
  query: [(String, String)] = []
) throws -> Request {
  let plan = RequestPlan(Request.schema)
  var parameters: [RequestParameter] = []
  for (name, value) in path {
    let field = try #require(Request.schema.index(ofJSONName: name))
    parameters.append(RequestParameter(field: field, value: Array(value.utf8)))
  }
  for (name, value) in query {
    let field = try #require(plan.queryField(named: Array(name.utf8)))
    parameters.append(RequestParameter(field: field, value: Array(value.utf8)))
  }
  let bytes = Array(body.utf8)
  let encoded = try plan.encode(body: bytes, parameters: parameters)
  return try encoded.withUnsafeBytes { try Request(decoding: $0) }
}

/// Why a request is refused: one line for each issue, `path: code`.
private func issues<Request: ContractMessage>(
  _ type: Request.Type,
  _ body: String = "",
  path: [(String, String)] = [],
  query: [(String, String)] = []
) -> [String] {
  do {
    _ = try request(type, body, path: path, query: query)
    return []
  } catch let fault as Fault {
    return fault.issues.map { "\($0.path.joined(separator: ".")): \($0.code)" }
  } catch {
    return ["\(error)"]
  }
}

private let id = "0d0b6c52-7a39-4d0e-9f6b-1f7d2f0a9c11"

@Suite struct RequestPlanTests {
  @Test func `a body fills the fields it names`() throws {
    let body = """
      {"productId":"\(id)","policyId":"\(id)","name":"Studio seat","userEmail":"pat@studio.example",
       "expiresAt":"2027-03-31T00:00:00+02:00","maxMachinesOverride":5,"maxUsesOverride":null,
       "metadata":{"seat":[1,2.5,{"a":null}]},"unknown":{"ignored":true}}
      """
    let made = try request(CreateLicenseRequest.self, body)
    #expect(made.productId == id)
    #expect(made.name == "Studio seat")
    #expect(made.userEmail == "pat@studio.example")
    #expect(made.expiresAt == 1_806_444_000_000)
    #expect(made.maxMachinesOverride == 5)
    #expect(made.maxUsesOverride == nil)
    #expect(made.metadata == Array(#"{"seat":[1,2.5,{"a":null}]}"#.utf8))
  }

  @Test func `every type of field is read, alone and repeated`() throws {
    let numbers = [
      "int32", "sint32", "sfixed32", "uint32", "fixed32", "int64", "sint64", "sfixed64",
      "uint64", "fixed64",
    ]
    var members = numbers.map { #""\#($0)Value":7"# } + numbers.map { #""\#($0)Values":[7,0]"# }
    members += [
      #""floatValue":0.5"#, #""doubleValue":-2"#, #""boolValue":true"#, #""stringValue":"é😀""#,
      #""bytesValue":"AP8=""#, #""colourValue":"green""#, #""innerValue":{"name":"n","default":1}"#,
      #""floatValues":[0.5,1]"#, #""doubleValues":[1e3]"#, #""boolValues":[true,false]"#,
      #""stringValues":["a",""]"#, #""bytesValues":["","AA=="]"#,
      #""colourValues":["RED","green"]"#, #""innerValues":[{"name":"a"},{"name":"b"}]"#,
    ]
    let made = try request(Everything.self, "{\(members.joined(separator: ","))}")
    #expect(made.int32Value == 7 && made.sint32Value == 7 && made.sfixed32Value == 7)
    #expect(made.uint32Value == 7 && made.fixed32Value == 7)
    #expect(made.int64Value == 7 && made.sint64Value == 7 && made.sfixed64Value == 7)
    #expect(made.uint64Value == 7 && made.fixed64Value == 7)
    #expect(made.floatValue == 0.5 && made.doubleValue == -2 && made.boolValue == true)
    #expect(made.stringValue == "é😀" && made.bytesValue == [0, 255])
    #expect(made.colourValue == .green)
    #expect(made.innerValue == Everything.Inner(name: "n", default: 1))
    #expect(made.int32Values == [7, 0] && made.fixed32Values == [7, 0])
    #expect(made.int64Values == [7, 0] && made.uint64Values == [7, 0])
    #expect(made.floatValues == [0.5, 1] && made.doubleValues == [1000])
    #expect(made.boolValues == [true, false] && made.stringValues == ["a", ""])
    #expect(made.bytesValues == [[], [0]] && made.colourValues == [.red, .green])
    #expect(made.innerValues.map(\.name) == ["a", "b"])
  }

  @Test(arguments: [
    (#"{"int32Value":2147483647}"#, ""), (#"{"int32Value":-2147483648}"#, ""),
    (#"{"int32Value":2147483648}"#, "int32Value: too_big"),
    (#"{"sfixed32Value":-2147483649}"#, "sfixed32Value: too_small"),
    (#"{"uint32Value":4294967295}"#, ""), (#"{"uint32Value":4294967296}"#, "uint32Value: too_big"),
    (#"{"fixed32Value":-1}"#, "fixed32Value: too_small"),
    (#"{"int64Value":9223372036854775807}"#, ""), (#"{"int64Value":-9223372036854775808}"#, ""),
    // Larger than any integer of JSON here: refused as a whole, never rounded.
    (#"{"int64Value":9223372036854775808}"#, ": invalid_json"),
    (#"{"uint64Value":-1}"#, "uint64Value: too_small"),
    // A number with a fraction or an exponent is not an integer, even where its value is.
    (#"{"int32Value":1.0}"#, "int32Value: invalid_type"),
    (#"{"int32Value":1e2}"#, "int32Value: invalid_type"),
    (#"{"int32Value":"1"}"#, "int32Value: invalid_type"),
    (#"{"int32Value":true}"#, "int32Value: invalid_type"),
    (#"{"int32Value":[1]}"#, "int32Value: invalid_type"), (#"{"int32Value":null}"#, ""),
    (#"{"floatValue":1e39}"#, "floatValue: too_big"),
    (#"{"floatValue":-1e39}"#, "floatValue: too_small"),
    (#"{"doubleValue":"1"}"#, "doubleValue: invalid_type"), (#"{"doubleValue":null}"#, ""),
    (#"{"boolValue":1}"#, "boolValue: invalid_type"),
    (#"{"boolValue":"true"}"#, "boolValue: invalid_type"),
    (#"{"stringValue":1}"#, "stringValue: invalid_type"),
    (#"{"stringValue":{}}"#, "stringValue: invalid_type"),
    (#"{"bytesValue":"AA"}"#, "bytesValue: invalid_string"),
    (#"{"bytesValue":1}"#, "bytesValue: invalid_type"),
    (#"{"colourValue":"blue"}"#, "colourValue: invalid_enum_value"),
    (#"{"colourValue":"GREEN"}"#, "colourValue: invalid_enum_value"),
    (#"{"colourValue":1}"#, "colourValue: invalid_type"),
    (#"{"innerValue":[]}"#, "innerValue: invalid_type"),
    (#"{"innerValue":{}}"#, "innerValue.name: invalid_type"),
    (#"{"innerValue":{"name":1}}"#, "innerValue.name: invalid_type"),
    (#"{"stringValues":"a"}"#, "stringValues: invalid_type"),
    (
      #"{"stringValues":["a",null,1]}"#,
      "stringValues.1: invalid_type, stringValues.2: invalid_type"
    ),
    (#"{"innerValues":[{"name":"a"},{}]}"#, "innerValues.1.name: invalid_type"),
    (#"{"stringValue":"\u0000"}"#, ": invalid_json"),
    (#"[]"#, ": invalid_type"), (#""text""#, ": invalid_type"), (#"null"#, ": invalid_type"),
  ])
  func `each type takes what it can hold and refuses the rest`(body: String, expected: String) {
    #expect(issues(Everything.self, body).joined(separator: ", ") == expected)
  }

  @Test(arguments: [
    (#"{}"#, "name: invalid_type, tags: too_small"),
    (#"{"name":null,"tags":["a"]}"#, "name: invalid_type"),
    (#"{"name":"a","tags":["a"]}"#, "name: too_small"),
    (#"{"name":"abcdef","tags":["a"]}"#, "name: too_big"),
    (#"{"name":"éééé","tags":["a"]}"#, ""),
    (#"{"name":"ab","tags":["abcde","a","b","c"]}"#, "tags: too_big, tags.0: too_big"),
    (#"{"name":"ab","tags":["a"],"code":"a b"}"#, "code: invalid_string"),
    (#"{"name":"ab","tags":["a"],"count":0}"#, "count: too_small"),
    (#"{"name":"ab","tags":["a"],"id":"nope"}"#, "id: invalid_string"),
    (#"{"name":"ab","tags":["a"],"email":"nope"}"#, "email: invalid_string"),
    (#"{"name":"ab","tags":["a"],"expiresAt":"tomorrow"}"#, "expiresAt: invalid_string"),
    (#"{"name":"ab","tags":["a"],"expiresAt":1768473000000}"#, "expiresAt: invalid_type"),
    (
      #"{"name":"ab","tags":["a"],"expiresAt":"2026-02-30T00:00:00Z"}"#, "expiresAt: invalid_string"
    ),
    (#"{"name":"ab","tags":["a"],"metadata":[]}"#, "metadata: invalid_type"),
    (#"{"name":"ab","tags":["a"],"metadata":"{}"}"#, "metadata: invalid_type"),
    (#"{"name":"ab","tags":["a"],"size":"HUGE"}"#, "size: invalid_enum_value"),
    // Everything at once, and what could not be read is not called absent or too short as well.
    (
      #"{"name":7,"tags":["a",5],"code":"ß","count":101,"parts":[{},{"partName":2}]}"#,
      "name: invalid_type, tags.1: invalid_type, parts.1.partName: invalid_type, code: invalid_string, "
        + "count: too_big, parts.0.partName: invalid_type"
    ),
  ])
  func `every bad field is told at once`(body: String, expected: String) {
    #expect(issues(Constrained.self, body).joined(separator: ", ") == expected)
  }

  @Test func `messages say what was expected`() {
    let fault = #expect(throws: Fault.self) {
      try request(Everything.self, #"{"stringValue":1,"int32Value":1.5,"colourValue":"x"}"#)
    }
    #expect(
      fault?.issues.map(\.message) == [
        "Expected integer, received float", "Expected string, received number",
        "Invalid enum value. Expected 'RED' | 'green'",
      ]
    )
    #expect(fault?.reason == .validationError)
  }

  @Test func `a UUID in upper case is folded`() throws {
    let made = try request(
      Constrained.self,
      #"{"name":"ab","tags":["a"],"id":"\#(id.uppercased())"}"#
    )
    #expect(made.id == id)
  }

  @Test func `no body at all is an object without members`() throws {
    #expect(try request(Everything.self) == Everything())
    #expect(issues(ValidateKeyRequest.self) == ["key: invalid_type"])
  }

  @Test func `metadata keeps its order and its numbers`() throws {
    let text = #"{"b":0.1,"a":9007199254740993,"é":"\u2028","x":{}}"#
    let made = try request(Constrained.self, #"{"name":"ab","tags":["a"],"metadata":\#(text)}"#)
    #expect(
      String(decoding: made.metadata ?? [], as: UTF8.self)
        == "{\"b\":0.1,\"a\":9007199254740993,\"é\":\"\u{2028}\",\"x\":{}}"
    )
  }

  @Test func `metadata beyond its limit is refused`() {
    let long = String(repeating: "a", count: JSONLimits.rawBytesMax)
    let body = #"{"name":"ab","tags":["a"],"metadata":{"a":"\#(long)"}}"#
    #expect(issues(Constrained.self, body) == ["metadata: too_big"])
  }

  @Test func `a body that names everything wrong gets a bounded answer`() {
    let many = Array(repeating: "1", count: 5_000).joined(separator: ",")
    #expect(issues(Everything.self, "{\"stringValues\":[\(many)]}").count == JSONLimits.issuesMax)
  }

  @Test func `present names tell null from absent`() throws {
    let required = #""productId":"\#(id)","name":"n""#
    let absent = try request(CreatePolicyRequest.self, "{\(required)}")
    #expect(absent.presentNames == ["productId", "name"])
    let null = try request(CreatePolicyRequest.self, "{\(required),\"maxMachines\":null,\"x\":1}")
    #expect(null.presentNames == ["productId", "name", "maxMachines"])
    #expect(null.maxMachines == nil)
    // What the body says of the list itself does not count.
    let forged = try request(
      CreatePolicyRequest.self,
      "{\(required),\"presentNames\":[\"maxUses\"]}"
    )
    #expect(forged.presentNames == ["productId", "name"])
  }

  // MARK: Path and query

  @Test func `the path fills its fields and the body cannot`() throws {
    let made = try request(
      GetLicenseRequest.self,
      #"{"id":"other"}"#,
      path: [("id", id.uppercased())]
    )
    #expect(made.id == id)
    #expect(issues(GetLicenseRequest.self, path: [("id", "42")]) == ["id: invalid_string"])
    #expect(
      issues(GetLicenseByKeyRequest.self, path: [("key", "a\u{0}b")]) == ["key: invalid_string"]
    )
  }

  @Test func `bytes of the path that are not UTF-8 are refused`() throws {
    let field = try #require(GetLicenseByKeyRequest.schema.index(ofJSONName: "key"))
    let plan = RequestPlan(GetLicenseByKeyRequest.schema)
    for value in [[0xFF], [0xC0, 0x80], nil] as [[UInt8]?] {
      let fault = #expect(throws: Fault.self) {
        try plan.encode(
          body: [],
          parameters: [RequestParameter(field: field, value: value)]
        )
      }
      #expect(fault?.issues.first?.code == "invalid_string")
    }
  }

  @Test func `a parameter may be a JSON object, which is written compactly`() throws {
    let made = try request(LicenseRow.self, path: [("metadata", #"{ "a" : [1, "x"] }"#)])
    #expect(made.metadata == Array(#"{"a":[1,"x"]}"#.utf8))
    for (text, code) in [
      ("{", "invalid_string"), ("[]", "invalid_type"), (#"{"a":1,"a":2}"#, "invalid_string"),
      (#"{"a":"\u0000"}"#, "invalid_string"),
    ] {
      #expect(issues(LicenseRow.self, path: [("metadata", text)]) == ["metadata: \(code)"])
    }
  }

  @Test func `the query fills its fields`() throws {
    let made = try request(
      ListLicensesRequest.self,
      query: [("limit", "10"), ("cursor", id)]
    )
    #expect(made.limit == 10)
    #expect(made.cursor == id)
    #expect(
      RequestPlan(ListLicensesRequest.schema).queryField(named: Array("nonsense".utf8)) == nil
    )
    // Only names that belong to the query, not those of the path or the body.
    #expect(RequestPlan(GetLicenseRequest.schema).queryField(named: Array("id".utf8)) == nil)
  }

  @Test func `parameters of every type are read`() throws {
    let made = try request(
      Everything.self,
      path: [
        ("boolValue", "true"), ("uint64Value", "7"), ("colourValue", "green"),
        ("bytesValue", "AP8="),
        ("doubleValue", "3"), ("stringValues", "a"), ("stringValues", "b"), ("int32Values", "-1"),
      ]
    )
    #expect(made.boolValue == true && made.uint64Value == 7 && made.colourValue == .green)
    #expect(made.bytesValue == [0, 255] && made.doubleValue == 3)
    #expect(made.stringValues == ["a", "b"] && made.int32Values == [-1])
    #expect(
      issues(
        Everything.self,
        path: [
          ("boolValue", "1"), ("colourValue", "x"), ("int32Values", "1"), ("int32Values", "z"),
        ]
      )
        == [
          "boolValue: invalid_type", "colourValue: invalid_enum_value",
          "int32Values.1: invalid_type",
        ]
    )
  }

  @Test(arguments: [
    ([("limit", "0")], "limit: too_small"), ([("limit", "101")], "limit: too_big"),
    ([("limit", "ten")], "limit: invalid_type"), ([("limit", "")], "limit: invalid_type"),
    ([("limit", "1.0")], "limit: invalid_type"), ([("limit", " 1")], "limit: invalid_type"),
    ([("limit", "99999999999")], "limit: too_big"),
    ([("limit", "99999999999999999999")], "limit: invalid_type"),
    ([("cursor", "x")], "cursor: invalid_string"),
    ([("limit", "1"), ("limit", "2")], "limit: custom"),
    ([("limit", "x"), ("cursor", "y")], "limit: invalid_type, cursor: invalid_string"),
  ])
  func `bad parameters are refused by name`(query: [(String, String)], expected: String) {
    #expect(issues(ListLicensesRequest.self, query: query).joined(separator: ", ") == expected)
  }
}
