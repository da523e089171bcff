import Foundation
import Primitives
import Testing
import Transcoding

@Suite struct JSONTextTests {
  private func text(_ write: (inout JSONText) -> Void) -> String {
    var text = JSONText()
    write(&text)
    return String(decoding: text.bytes, as: UTF8.self)
  }

  @Test func `commas stand between members and elements and nowhere else`() {
    let written = text { text in
      text.beginObject()
      text.key("a")
      text.beginArray()
      text.integer(Int64(1))
      text.string("[")
      text.string(":")
      text.beginObject()
      text.endObject()
      text.beginArray()
      text.endArray()
      text.null()
      text.endArray()
      text.key("b{")
      text.bool(true)
      text.key("c")
      text.verbatim("{}")
      text.endObject()
    }
    #expect(written == #"{"a":[1,"[",":",{},[],null],"b{":true,"c":{}}"#)
  }

  @Test(arguments: [
    ("", #""""#), ("plain", #""plain""#), ("é😀", #""é😀""#), (#"a"b"#, #""a\"b""#),
    (#"\"#, #""\\""#), ("\n\r\t\u{8}\u{c}", #""\n\r\t\b\f""#),
    ("\u{0}\u{1f}\u{7f}", "\"\\u0000\\u001f\u{7f}\""),
    ("/", #""/""#), ("\"", #""\"""#), ("\n\n", #""\n\n""#), ("a\n", #""a\n""#), ("\na", #""\na""#),
  ])
  func `strings are escaped as RFC 8259 asks`(value: String, expected: String) {
    #expect(text { $0.string(value) } == expected)
  }

  @Test func `every character comes back from another parser`() throws {
    var value = ""
    for scalar in (0...0x2FF).compactMap(Unicode.Scalar.init) {
      value.unicodeScalars.append(scalar)
    }
    let written = Data(
      text {
        $0.beginArray()
        $0.string(value)
        $0.endArray()
      }.utf8
    )
    #expect(try JSONDecoder().decode([String].self, from: written) == [value])
  }

  @Test(arguments: [0, 9, 10, -1, -10, 1_234_567_890_123, .max, .min] as [Int64])
  func `integers are written exactly`(value: Int64) {
    #expect(text { $0.integer(value) } == String(value))
  }

  @Test func `the largest unsigned integer is written exactly`() {
    #expect(text { $0.integer(UInt64.max) } == "18446744073709551615")
  }

  @Test(
    arguments: [
      (0.1, "0.1"), (-2.5, "-2.5"), (1e21, "1e+21"), (.leastNonzeroMagnitude, "5e-324"),
      (.infinity, "null"),
      (-.infinity, "null"), (.nan, "null"), (3, "3.0"),
    ] as [(Double, String)]
  )
  func `numbers are the shortest that read back the same`(value: Double, expected: String) {
    #expect(text { $0.number(value) } == expected)
  }

  @Test func `a moment is ISO 8601 with milliseconds`() {
    #expect(
      text { $0.timestamp(Timestamp(milliseconds: 1_768_473_000_000)) }
        == #""2026-01-15T10:30:00.000Z""#
    )
  }
}
