import Glibc

/// Feeds the HTTP/1.1 parser with what libFuzzer thinks of, and checks what must hold for any input.
///
/// Compiled together with the parser's own files (see `Tests/Fuzz/run`), so that it sees the internals and
/// every branch of them is counted.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP1Parser(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // The first byte chooses the pieces; the rest is the connection.
  guard let start, count > 1 else { return 0 }
  let bytes = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
  let whole = Reading(bytes, pieceSize: .max)
  let pieces = Reading(bytes, pieceSize: Int(start[0] % 17) + 1)
  // A reader that sees something else when the bytes come differently can be made to see two requests in one.
  check(whole == pieces, "the pieces change what is read")
  return 0
}

/// Stops the fuzzer with an input to keep; `precondition` alone is removed by no optimisation we use.
private func check(_ condition: Bool, _ message: StaticString) {
  precondition(condition, "\(message)")
}

/// Everything the parser makes of a connection, in a form that does not depend on the pieces.
private struct Reading: Equatable {
  /// Fields may take this much: little, so that the limit is met often.
  private static let headerBytesMax = 512

  private var trace: [UInt8] = []
  private var bodySize = 0
  private var framing = HTTP1Parser.Framing.none
  private var hasEnded = false

  init(_ bytes: UnsafeRawBufferPointer, pieceSize: Int) {
    var parser = HTTP1Parser(headerBytesMax: Reading.headerBytesMax)
    var start = 0
    while start < bytes.count, !hasEnded {
      let count = min(pieceSize, bytes.count - start)
      feed(&parser, bytes.part(start..<(start + count)))
      start += count
    }
  }

  private mutating func feed(_ parser: inout HTTP1Parser, _ piece: UnsafeRawBufferPointer) {
    var offset = 0
    while true {
      let before = offset
      let step = parser.next(piece, from: &offset)
      check(offset >= before && offset <= piece.count, "the offset leaves the bytes")
      switch step {
      case .needsMore:
        check(offset == piece.count, "bytes are left behind")
        return
      case .head:
        note(parser.takeHead(), parser)
      case .body(let range):
        check(
          !range.isEmpty && range.upperBound == offset,
          "a piece of a body is not what was read"
        )
        trace += piece.part(range)
        bodySize += range.count
      case .end:
        if framing == .none { check(bodySize == 0, "there is a body where none was announced") }
        if case .length(let size) = framing { check(bodySize == size, "a body of another length") }
        note("end of \(bodySize)")
        bodySize = 0
        parser.begin()
      case .headTooLarge:
        note("too large")
        hasEnded = true
        return
      case .refused(let refusal):
        check((400...599).contains(refusal.status), "a refusal has a status of its own")
        note("refused \(refusal.status) \(refusal.message)")
        hasEnded = true
        return
      }
    }
  }

  /// Notes a head and checks what handlers rely on.
  private mutating func note(_ head: RequestHead, _ parser: HTTP1Parser) {
    framing = parser.framing
    check(!head.target.isEmpty, "a head has no target")
    check(head.target.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a target has an odd byte")
    check(
      head.target[0] == UInt8(ascii: "/") || head.target == [UInt8(ascii: "*")],
      "a target is no path"
    )
    check(head.fields.count <= HTTP1Parser.fieldCountMax, "there are too many fields")
    check(parser.isVersion10 || !head.authority.isEmpty, "there is no host")
    check(head.fields.count(of: "content-length") <= 1, "there are two lengths")
    check(head.fields.bytes(of: "transfer-encoding") == nil, "an encoding reaches the handler")
    note("\(head.method.name) \(parser.framing) \(parser.keepsAlive) \(parser.expectsContinue)")
    trace += head.target + [10] + head.authority + [10]
    head.fields.withBytes { name, value in
      check(
        ByteSet.token.containsAll(name) && !name.isEmpty
          && !name.contains { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") },
        "a field name is not a token in lower case"
      )
      check(HTTP1Field.isText(value), "a field value has a control character")
      trace += name + [58] + value + [10]
    }
  }

  private mutating func note(_ text: String) { trace += [10] + text.utf8 + [10] }
}
