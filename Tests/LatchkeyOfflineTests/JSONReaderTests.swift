import Testing

@testable import LatchkeyOffline

@Suite struct JSONReaderTests {
  @Test(arguments: [
    "{}", " [ ] ", "null", "true", "false", "0", "-0", "1.5e-3", "\"\"", #""\u0000\ud83d\ude00é""#,
    #"{"a":{"a":[1,"",{}]}}"#, #"{"é":1,"e\u0301":2}"#,
  ])
  func `what the rules permit is read`(text: String) {
    #expect(throws: Never.self) { try JSONReader.read(Array(text.utf8)) }
  }

  @Test(arguments: [
    "", " ", "{", "}", "[", "[1,]", "{,}", #"{"a":1,}"#, #"{"a"}"#, #"{a:1}"#, #"{"a":1}{}"#, "nul",
    "nullx", "True", "01", "+1", "1.", ".5", "1e", "-", "0x1", "NaN", "'a'", "\"", "\"\\\"",
    "\"\n\"",
    #""\x""#, #""\u12""#, #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800\ud800""#,
    #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, "/**/1", "\u{FEFF}1", "\u{A0}1",
  ])
  func `what the rules do not permit is refused`(text: String) {
    #expect(throws: JSONReader.Problem.self) { try JSONReader.read(Array(text.utf8)) }
  }

  /// A glance may leave a text to the reader, and must never accept what the reader refuses.
  @Test(arguments: [
    (#"{"version":1,"license":{"a":[1,-2,0,true,false,null,"x"],"b":{}},"policy":{}}"#, true),
    (#"{"policy":{},"license":{}}"#, true),
    (#"{"license":{},"policy":{}} "#, false), (#" {"license":{},"policy":{}}"#, false),
    (#"{"license":{},"policy":[]}"#, false), (#"{"license":{}}"#, false),
    (#"{"license":{},"license":{},"policy":{}}"#, false),
    (#"{"license":{"a":1,"b":2,"a":3},"policy":{}}"#, false),
    (#"{"license":{"a":01},"policy":{}}"#, false), (#"{"license":{"a":1.5},"policy":{}}"#, false),
    (#"{"license":{"a":-},"policy":{}}"#, false), (#"{"license":{"a":nul},"policy":{}}"#, false),
    (#"{"license":{"é":1},"policy":{}}"#, false), (#"{"license":{"\n":1},"policy":{}}"#, false),
    (#"{"license":{"a":1,},"policy":{}}"#, false), (#"{"license":{,},"policy":{}}"#, false),
    (#"{"license":{"a"},"policy":{}}"#, false), (#"{"license":{},"policy":{}"#, false),
    (#"{"license":{"a":[1,]},"policy":{}}"#, false), (#"{"license":{},"policy":{}}}"#, false),
    ("{\"license\":{\"a\":\"\n\"},\"policy\":{}}", false), ("", false), ("[]", false), ("{", false),
  ])
  func `a glance accepts what is plain`(text: String, isPlain: Bool) {
    let bytes = Array(text.utf8)
    #expect(JSONCheck.isPlainObject(bytes, whoseObjectsAre: ["license", "policy"]) == isPlain)
    if isPlain { #expect(throws: Never.self) { try JSONReader.read(bytes) } }
  }

  @Test func `a glance ends where nesting does`() {
    for (depth, isPlain) in [(JSONReader.depthMax, true), (JSONReader.depthMax + 1, false)] {
      let inner =
        String(repeating: "[", count: depth - 2) + String(repeating: "]", count: depth - 2)
      let text = Array(#"{"license":{"a":\#(inner)},"policy":{}}"#.utf8)
      #expect(JSONCheck.isPlainObject(text, whoseObjectsAre: ["license", "policy"]) == isPlain)
      #expect(((try? JSONReader.read(text)) != nil) == isPlain)
    }
  }

  @Test(arguments: [
    [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22],
  ])
  func `bytes that are not UTF-8 are refused`(text: [UInt8]) {
    #expect(throws: JSONReader.Problem.self) { try JSONReader.read(text) }
  }

  @Test func `nesting ends at its limit`() {
    func nested(_ depth: Int) -> [UInt8] {
      Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
    }
    #expect(throws: Never.self) { try JSONReader.read(nested(JSONReader.depthMax)) }
    #expect(throws: JSONReader.Problem.self) {
      try JSONReader.read(nested(JSONReader.depthMax + 1))
    }
    #expect(throws: JSONReader.Problem.self) { try JSONReader.read(nested(200_000)) }
  }
}
