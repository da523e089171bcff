/// CSV text being written, in lines that end with CR LF.
///
/// Source: RFC 4180, section 2.
struct CSVText {
  /// The text so far.
  private(set) var bytes: [UInt8] = []
  private var isAtStart = true

  /// Writes a cell; nil makes an empty one.
  ///
  /// A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a CR for a formula, which may send what
  /// is in the other cells away. Such a text gets an apostrophe before it, which spreadsheets take for "this is
  /// text" and do not show.
  /// Source: OWASP, "CSV Injection".
  mutating func cell(_ text: String?) {
    separate()
    guard var text, let first = text.utf8.first else { return }
    if Self.formulaStarts.contains(first) { text = "'" + text }
    quoted(Array(text.utf8))
  }

  /// Writes a number; nil makes an empty cell.
  mutating func cell(_ number: (some BinaryInteger)?) {
    separate()
    if let number { bytes.append(contentsOf: String(number).utf8) }
  }

  /// Writes JSON text, whose first character is a brace.
  mutating func cell(json text: [UInt8]) {
    separate()
    quoted(text)
  }

  /// Ends the row.
  mutating func endRow() {
    bytes.append(UInt8(ascii: "\r"))
    bytes.append(UInt8(ascii: "\n"))
    isAtStart = true
  }

  private static let formulaStarts = Array("=+-@\t\r".utf8)
  private static let quotable = Array(",\"\r\n".utf8)

  private mutating func separate() {
    if !isAtStart { bytes.append(UInt8(ascii: ",")) }
    isAtStart = false
  }

  private mutating func quoted(_ text: [UInt8]) {
    guard text.contains(where: { Self.quotable.contains($0) }) else {
      bytes.append(contentsOf: text)
      return
    }
    bytes.append(UInt8(ascii: "\""))
    for byte in text {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
