@testable internal import HTTP

/// What the HTTP/1.1 parser makes of a connection's bytes, as text that can be compared.
struct ParsedText: Equatable {
  private(set) var lines: [String] = []
  private var body: [UInt8] = []
  private var expected = HTTP1Parser.Framing.none

  /// Feeds all bytes in pieces of a size.
  init(_ bytes: UnsafeRawBufferPointer, pieceSize: Int) {
    var parser = HTTP1Parser(headerBytesMax: 16 * 1024)
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + pieceSize)
      guard feed(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), &parser) else { return }
      start = end
    }
    lines.append("waits after \(body.count) bytes of a body")
  }

  /// False when nothing more is read.
  private mutating func feed(_ bytes: UnsafeRawBufferPointer, _ parser: inout HTTP1Parser) -> Bool {
    var offset = 0
    while true {
      let before = offset
      let step = parser.next(bytes, from: &offset)
      precondition(offset >= before && offset <= bytes.count, "the parser left its input")
      switch step {
      case .needsMore:
        precondition(offset == bytes.count, "the parser wants more and has not read all")
        return true
      case .head:
        note(parser)
      case .body(let range):
        precondition(range.lowerBound >= before && range.upperBound <= offset, "not a piece of it")
        body += bytes[range]
      case .end:
        finish()
        parser.begin()
      case .headTooLarge:
        lines.append("too large")
        return false
      case .refused(let refusal):
        precondition((400..<600).contains(refusal.status), "refused with \(refusal.status)")
        lines.append("refused: \(refusal.status) \(refusal.message)")
        return false
      }
    }
  }

  private mutating func note(_ parser: HTTP1Parser) {
    let head = parser.head
    expected = parser.framing
    lines.append("\(head.method.name) \(head.target) \(head.authority) \(parser.framing)")
    for index in 0..<head.fields.count {
      let (name, value) = head.fields[at: index]
      precondition(!name.isEmpty, "an empty name")
      precondition(!name.contains { $0.isUppercase || $0.isWhitespace }, "a bad name")
      precondition(!value.contains { $0.isNewline || $0 == "\0" }, "a line end within a value")
      lines.append("\(name): \(value)")
    }
    lines.append("keeps alive: \(parser.keepsAlive), continue: \(parser.expectsContinue)")
  }

  private mutating func finish() {
    switch expected {
    case .none: precondition(body.isEmpty, "a body where there is none")
    case .length(let count): precondition(body.count == count, "a body of another length")
    case .chunked: break
    }
    lines.append("body \(body)")
    body = []
  }
}
