import Foundation
import Testing

@testable import ServiceKit

@Suite struct LogLineTests {
  private func written(_ text: String) -> String {
    var line = LogLine()
    line.add("text", text)
    line.finish()
    return String(decoding: line.bytes, as: UTF8.self)
  }

  static let texts: [(String, String)] = [
    ("", ""),
    ("plain, é, \u{2028}, 🚀", "plain, é, \u{2028}, 🚀"),
    ("a \"quote\" and a \\", "a \\\"quote\\\" and a \\\\"),
    ("\n\r\t", "\\n\\r\\t"),
    ("\u{0}\u{1b}[31m\u{7f}", "\\u0000\\u001b[31m\\u007f"),
    ("\u{80}x\u{9b}31m\u{9f}", "\\u0080x\\u009b31m\\u009f"),
    ("\u{a0}¢\u{c2}", "\u{a0}¢\u{c2}"),
  ]

  @Test(arguments: texts) func `a text is one line, and JSON`(text: String, escaped: String) throws
  {
    let line = written(text)
    #expect(line == "{\"text\":\"\(escaped)\"}\n")
    let json = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
    #expect(json == ["text": text])
  }

  @Test(arguments: [0, 1, 2, 3]) func `a long text is cut between characters`(shift: Int) {
    let lead = String(repeating: "a", count: shift)
    let character = "🚀"
    let kept = (LogLine.valueBytesMax - shift) / character.utf8.count
    let text = lead + String(repeating: character, count: LogLine.valueBytesMax)
    let expected = lead + String(repeating: character, count: kept)
    #expect(written(text) == "{\"text\":\"\(expected) (cut)\"}\n")
  }
}
