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
