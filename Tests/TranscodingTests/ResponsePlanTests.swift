import Faults
import Messages
import Protobuf
import TestMessages
import Testing
import Transcoding

/// The JSON that a client gets for a message.
private func json<Response: ContractMessage>(_ message: Response, isEnveloped: Bool = false) throws
  -> String
{
  var bytes: [UInt8] = []
  message.encode(appendingTo: &bytes)
  let text = try ResponsePlan(Response.schema).json(bytes, isEnveloped: isEnveloped)
  return String(decoding: text, as: UTF8.self)
}

@Suite struct ResponsePlanTests {
  @Test func `a field without a value is null, and left out where it is never null`() throws {
    #expect(
      try json(Everything.Inner(name: "n"), isEnveloped: true)
        == #"{"data":{"name":"n","default":null,"template":null}}"#
    )
    let key = ApiKey(
      id: "i",
      name: "n",
      hint: "h",
      environment: .test,
      fullAccess: true,
      createdAt: 0
    )
    #expect(
      try json(key)
        == #"{"id":"i","name":"n","hint":"h","environment":"test","fullAccess":true,"scopes":[],"#
        + #""createdBy":null,"expiresAt":null,"revokedAt":null,"createdAt":"1970-01-01T00:00:00.000Z","#
        + #""allowedAddresses":[],"lastUsedAt":null,"replaces":null,"replacedBy":null,"retiresAt":null,"leakedAt":null}"#
    )
    // A list that is never null, and has no items.
    let verdict = ValidateKeyResponse(valid: false, code: .notFound, metadata: Array("{}".utf8))
    #expect(
      try json(verdict)
        == #"{"valid":false,"code":"NOT_FOUND","license":null,"machine":null,"entitlements":[],"metadata":{}}"#
    )
  }

  @Test func `every type of field is written`() throws {
    var message = Everything()
    message.int32Value = .min
    message.sint32Value = -1
    message.sfixed32Value = .max
    message.uint32Value = .max
    message.fixed32Value = 0
    message.int64Value = .min
    message.sint64Value = -1
    message.sfixed64Value = .max
    message.uint64Value = .max
    message.fixed64Value = 0
    message.floatValue = 0.1
    message.doubleValue = 0.1
    message.boolValue = false
    message.stringValue = "a\"b\\c\né"
    message.bytesValue = [0, 255]
    message.colourValue = .green
    message.innerValue = Everything.Inner(name: "", default: 0, template: "t")
    let text = try json(message)
    let singular =
      #"{"int32Value":-2147483648,"sint32Value":-1,"sfixed32Value":2147483647,"uint32Value":4294967295,"#
      + #""fixed32Value":0,"int64Value":-9223372036854775808,"sint64Value":-1,"#
      + #""sfixed64Value":9223372036854775807,"uint64Value":18446744073709551615,"fixed64Value":0,"#
      + #""floatValue":0.1,"doubleValue":0.1,"boolValue":false,"stringValue":"a\"b\\c\né","#
      + #""bytesValue":"AP8=","colourValue":"green","#
      + #""innerValue":{"name":"","default":0,"template":"t"},"int32Values":[],"#
    #expect(text.hasPrefix(singular))
    #expect(text.hasSuffix(#""colourValues":[],"innerValues":[]}"#))
  }

  @Test func `repeated fields are arrays, in order`() throws {
    var message = Everything()
    message.int32Values = [1, -2]
    message.sfixed64Values = [.max]
    message.boolValues = [true, false]
    message.stringValues = ["", "b"]
    message.bytesValues = [[], [1]]
    message.colourValues = [.red, .green]
    message.innerValues = [Everything.Inner(name: "a"), Everything.Inner(name: "b", default: 2)]
    let text = try json(message)
    for part in [
      #""int32Values":[1,-2]"#, #""sfixed64Values":[9223372036854775807]"#,
      #""boolValues":[true,false]"#,
      #""stringValues":["","b"]"#, #""bytesValues":["","AQ=="]"#,
      #""colourValues":["RED","green"]"#,
      #""innerValues":[{"name":"a","default":null,"template":null},{"name":"b","default":2,"template":null}]"#,
    ] {
      #expect(text.contains(part))
    }
  }

  @Test func `metadata is the object it came as`() throws {
    var message = Constrained(name: "ab", tags: ["a"])
    message.metadata = Array(#"{"a":[1,{"b":null}]}"#.utf8)
    #expect(try json(message).contains(#""metadata":{"a":[1,{"b":null}]},"#))
    message.metadata = []
    #expect(try json(message).contains(#""metadata":{},"#))
  }

  /// What a request carries comes back from an answer, whatever the characters.
  @Test func `text goes both ways unchanged`() throws {
    var value = ""
    for scalar in (1...0x2FFF).compactMap(Unicode.Scalar.init) {
      value.unicodeScalars.append(scalar)
    }
    let text = Array(try json(Everything(stringValue: value)).utf8)
    let encoded = try RequestPlan(Everything.schema).encode(body: text)
    #expect(
      try encoded.withUnsafeBytes { try Everything(decoding: $0) } == Everything(stringValue: value)
    )
  }

  @Test func `an enum value of a newer release is null`() throws {
    // Field 16 as a varint of 99: key 16 << 3 | 0 in two bytes.
    let text = try ResponsePlan(Everything.schema).json([0x80, 0x01, 99], isEnveloped: false)
    #expect(String(decoding: text, as: UTF8.self).contains(#""colourValue":null"#))
  }

  @Test(arguments: [[0xFF], [0x0A], [0x72, 0x05, 0x61], [0x72, 0x02, 0xC3, 0x28]] as [[UInt8]])
  func `what is not such a message is our own error`(bytes: [UInt8]) {
    let fault = #expect(throws: Fault.self) {
      try ResponsePlan(Everything.schema).json(bytes, isEnveloped: true)
    }
    #expect(fault?.code == .internalError)
    #expect(fault?.message == "Internal error")
  }

  @Test func `no bytes are a message without values`() throws {
    let text = try ResponsePlan(Everything.Inner.schema).json([], isEnveloped: true)
    #expect(
      String(decoding: text, as: UTF8.self)
        == #"{"data":{"name":null,"default":null,"template":null}}"#
    )
  }
}
