import Faults
import Testing

@testable import Transcoding

/// What a text is as our own writer gives it back; nil where it is refused.
private func reread(_ text: [UInt8]) throws -> String {
  try text.withUnsafeBytes { bytes in
    let document = try JSONDocument(parsing: bytes)
    var output = JSONText()
    output.value(document.root)
    return String(decoding: output.bytes, as: UTF8.self)
  }
}

@Suite struct JSONDocumentTests {
  @Test(arguments: [
    (#"{}"#, #"{}"#),
    (#" { "a" : [ 1 , 2.5 , -3 ] } "#, #"{"a":[1,2.5,-3]}"#),
    (#"{"b":1,"a":2}"#, #"{"b":1,"a":2}"#),
    (#"[true,false,null]"#, #"[true,false,null]"#),
    (#""\u00e9\n\"\\\/""#, #""é\n\"\\/""#),
    (#""\ud83d\ude00""#, #""😀""#),
    (#"9223372036854775807"#, #"9223372036854775807"#),
    (#"-9223372036854775808"#, #"-9223372036854775808"#),
    // Not 0.10000000000000001, as printing 17 digits would give.
    (#"[0.1,1e300,5e-324,1.0]"#, #"[0.1,1e+300,5e-324,1.0]"#),
    (#"{"":{"a":{}}}"#, #"{"":{"a":{}}}"#),
    (#""}],{[""#, #""}],{[""#),
  ])
  func `valid text keeps its meaning`(text: String, expected: String) throws {
    #expect(try reread(Array(text.utf8)) == expected)
  }

  @Test(arguments: [
    ("", "invalid_json"), (" ", "invalid_json"), ("{", "invalid_json"), ("[1,]", "invalid_json"),
    ("{\"a\":1,}", "invalid_json"), ("{a:1}", "invalid_json"), ("{'a':1}", "invalid_json"),
    ("01", "invalid_json"), ("+1", "invalid_json"), (".5", "invalid_json"), ("1.", "invalid_json"),
    ("NaN", "invalid_json"), ("Infinity", "invalid_json"), ("nul", "invalid_json"),
    ("{} {}", "invalid_json"), ("{}x", "invalid_json"), ("/**/{}", "invalid_json"),
    ("\"a", "invalid_json"), ("\"\t\"", "invalid_json"), (#""\x""#, "invalid_json"),
    (#""\u12""#, "invalid_json"), ("\u{FEFF}{}", "invalid_json"),
    // A name twice: which one counts differs from reader to reader.
    (#"{"a":1,"a":1}"#, "invalid_json"), (#"{"x":{"a":1,"\u0061":2}}"#, "invalid_json"),
    // U+0000 would end a C string early.
    (#""\u0000""#, "invalid_json"), (#"{"a\u0000b":1}"#, "invalid_json"),
    ("\"a\u{0}b\"", "invalid_json"), ("{}\u{0}", "invalid_json"), ("\u{0}", "invalid_json"),
    // Half a surrogate pair is no character.
    (#""\ud800""#, "invalid_json"), (#""\udc00\ud800""#, "invalid_json"),
    // Neither wrapped nor rounded.
    ("9223372036854775808", "invalid_json"), ("-9223372036854775809", "invalid_json"),
    ("1e999", "invalid_json"),
  ])
  func `invalid text is refused with one issue at the top`(text: String, code: String) {
    let fault = #expect(throws: Fault.self) { try reread(Array(text.utf8)) }
    #expect(fault?.code == .invalidArgument)
    #expect(fault?.issues.count == 1)
    #expect(fault?.issues.first?.path == [])
    #expect(fault?.issues.first?.code == code)
  }

  @Test(
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22], [0xFF, 0xFE, 0x7B, 0x7D],
    ] as [[UInt8]]
  )
  func `bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
    let fault = #expect(throws: Fault.self) { try reread(bytes) }
    #expect(fault?.issues.first?.message.contains("UTF-8") == true)
  }

  /// A client that puts its key in the wrong place must not find it in our logs.
  @Test func `what is refused is not quoted`() {
    for text in [#"{"a": lk_test_secret}"#, #"{"lk_test_secret":1,"lk_test_secret":2}"#] {
      let fault = #expect(throws: Fault.self) { try reread(Array(text.utf8)) }
      #expect(fault.map { !$0.debugDescription.contains("lk_test_secret") } == true)
    }
  }

  @Test func `nesting is accepted up to the limit and refused beyond it`() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
    }
    #expect(try reread(nested(JSONLimits.depthMax)).utf8.count == 2 * JSONLimits.depthMax)
    for depth in [JSONLimits.depthMax + 1, 5_000, 500_000] {
      let fault = #expect(throws: Fault.self) { try reread(nested(depth)) }
      #expect(fault?.issues.first?.code == "too_big")
    }
    #expect(throws: Fault.self) { try reread(Array(repeating: UInt8(ascii: "["), count: 1 << 20)) }
  }

  @Test func `brackets within strings are no nesting`() throws {
    let text = "\"" + String(repeating: #"[{\"\\"#, count: 1_000) + "\""
    #expect(try reread(Array(text.utf8)) == text)
  }

  @Test func `more values than the limit are refused before they are parsed`() throws {
    let many = [UInt8](("[" + String(repeating: "{},", count: JSONLimits.valuesMax) + "0]").utf8)
    let fault = #expect(throws: Fault.self) { try reread(many) }
    #expect(fault?.issues.first?.code == "too_big")
    let few =
      "[" + Array(repeating: "0", count: JSONLimits.valuesMax - 2).joined(separator: ",") + "]"
    #expect(try reread(Array(few.utf8)) == few)
  }
}
