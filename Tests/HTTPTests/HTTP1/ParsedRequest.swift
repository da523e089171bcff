@testable import HTTP

/// What the parser makes of the bytes of a connection: the requests, and how it ended.
struct ParsedConnection: Equatable {
  struct Request: Equatable {
    var method: String
    var target: String
    var authority: String
    var fields: [String]
    var body: [UInt8] = []
    var isComplete = false
    var keepsAlive: Bool
    var expectsContinue: Bool
    var framing: HTTP1Parser.Framing
  }

  var requests: [Request] = []
  var refusal: HTTP1Refusal?
  var isTooLarge = false

  /// Feeds all bytes in pieces of a size.
  init(_ bytes: [UInt8], pieceSize: Int = .max, headerBytesMax: Int = 16 * 1024) {
    var parser = HTTP1Parser(headerBytesMax: headerBytesMax)
    bytes.withUnsafeBytes { all in
      var start = 0
      while start < all.count, refusal == nil, !isTooLarge {
        let count = min(pieceSize, all.count - start)
        feed(&parser, all.part(start..<(start + count)))
        start += count
      }
    }
  }

  init(_ text: String, pieceSize: Int = .max) {
    self.init(Array(text.utf8), pieceSize: pieceSize)
  }

  private mutating func feed(_ parser: inout HTTP1Parser, _ piece: UnsafeRawBufferPointer) {
    var offset = 0
    while true {
      switch parser.next(piece, from: &offset) {
      case .needsMore:
        precondition(offset == piece.count, "the parser left bytes behind")
        return
      case .head:
        let expectsContinue = parser.expectsContinue
        let head = parser.takeHead()
        requests.append(
          Request(
            method: head.method.name,
            target: String(decoding: head.target, as: UTF8.self),
            authority: String(decoding: head.authority, as: UTF8.self),
            fields: (0..<head.fields.count).map {
              let field = head.fields[at: $0]
              return "\(field.name): \(field.value)"
            },
            keepsAlive: parser.keepsAlive,
            expectsContinue: expectsContinue,
            framing: parser.framing
          )
        )
      case .headTooLarge:
        isTooLarge = true
        return
      case .body(let range):
        precondition(!range.isEmpty, "an empty piece of a body")
        requests[requests.count - 1].body += piece.part(range)
      case .end:
        requests[requests.count - 1].isComplete = true
        parser.begin()
      case .refused(let refused):
        refusal = refused
        return
      }
    }
  }
}
