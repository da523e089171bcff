import Testing

@testable import HTTP

/// What the HTTP/1.1 parser refuses, and with which status: one row a case.
@Suite struct HTTP1RefusalTests {
  /// A request that must be refused, and the status of the refusal.
  struct Row: Sendable, CustomTestStringConvertible {
    var status: Int
    var request: String
    var testDescription: String { request.debugDescription }

    init(_ status: Int, _ request: String) {
      self.status = status
      self.request = request
    }

    /// A request whose host is good, with other fields.
    static func fields(_ status: Int, _ fields: String) -> Row {
      Row(status, "POST / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\r\n")
    }

    /// A chunked request with a body.
    static func chunks(_ status: Int, _ body: String) -> Row {
      Row(status, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(body)")
    }
  }

  private func check(_ row: Row) {
    for pieceSize in HTTP1ParserTests.pieceSizes {
      let parsed = ParsedConnection(row.request, pieceSize: pieceSize)
      #expect(parsed.refusal?.status == row.status, "pieces of \(pieceSize)")
      #expect(parsed.requests.allSatisfy { !$0.isComplete }, "pieces of \(pieceSize)")
    }
  }

  @Test(arguments: [
    Row(400, "\r\n\r\nGET / HTTP/1.1\r\n"), Row(400, "GET\r\n"), Row(400, "GET /\r\n"),
    Row(400, "GET  / HTTP/1.1\r\n"), Row(400, "GET /  HTTP/1.1\r\n"),
    Row(400, " GET / HTTP/1.1\r\n"),
    Row(400, "GET / HTTP/1.1 \r\n"), Row(400, "GET\t/ HTTP/1.1\r\n"),
    Row(400, "G@T / HTTP/1.1\r\n"),
    Row(400, "GET / a HTTP/1.1\r\n"), Row(400, "GET /\u{1} HTTP/1.1\r\n"),
    Row(400, "GET /\u{0} HTTP/1.1\r\n"), Row(400, "GET /\u{7F} HTTP/1.1\r\n"),
    Row(400, "GET /\u{FC} HTTP/1.1\r\n"), Row(400, "GET /a#b HTTP/1.1\r\n"),
    Row(400, "GET / http/1.1\r\n"), Row(400, "GET / HTTP/1\r\n"), Row(400, "GET / HTTP/1.10\r\n"),
    Row(400, "GET / HTTP/x.1\r\n"), Row(400, "GET / HTTP/1,1\r\n"), Row(400, "GET / \r\n"),
    Row(505, "GET / HTTP/2.0\r\n"), Row(505, "PRI * HTTP/2.0\r\n"), Row(505, "GET / HTTP/0.9\r\n"),
    Row(400, "GET / HTTP/1.1\n"), Row(400, "GET / HTTP/1.1\rHost: h\r\n"),
    Row(400, "GET path HTTP/1.1\r\n"), Row(400, "GET ?q HTTP/1.1\r\n"),
    Row(400, "GET * HTTP/1.1\r\n"),
    Row(400, "GET ftp://h/ HTTP/1.1\r\n"), Row(400, "GET http:/h/ HTTP/1.1\r\n"),
    Row(400, "GET http:///x HTTP/1.1\r\n"), Row(400, "GET http://u@h/ HTTP/1.1\r\n"),
    Row(400, "GET http://:80/ HTTP/1.1\r\n"), Row(501, "CONNECT h:443 HTTP/1.1\r\n"),
    Row(400, "\u{16}\u{3}\u{1}\u{0}\u{5}hello\n"), Row(400, "\u{0}\r\n"),
  ])
  func `a request line that is wrong is refused`(row: Row) { check(row) }

  @Test(arguments: [
    Row(400, "GET / HTTP/1.1\r\n\r\n"), Row(400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    Row(400, "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n"),
    Row(400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    Row(400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    Row(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    Row(400, "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"),
    Row(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    Row(400, "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
    Row(400, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
    Row(400, "GET http://h/ HTTP/1.1\r\n\r\n"),
  ])
  func `a missing, doubled or malformed host is refused`(row: Row) { check(row) }

  @Test(arguments: [
    Row.fields(400, "X : y"), .fields(400, "X\t: y"), .fields(400, " X: y"), .fields(400, "\tX: y"),
    .fields(400, "X: y\r\n folded"), .fields(400, "X: y\r\n\tfolded"), .fields(400, "no colon"),
    .fields(400, ": y"), .fields(400, "a b: c"), .fields(400, "X(: y"), .fields(400, "\u{FC}: y"),
    .fields(400, "X: a\u{0}b"), .fields(400, "X: a\u{1}b"), .fields(400, "X: a\u{7F}b"),
    .fields(400, "X: a\rb"), .fields(400, "X: y\n"), .fields(400, "X: y\nZ: z"),
    .fields(400, "X: y\r\r"), .fields(400, ":path: /"),
  ])
  func `a field that is wrong is refused`(row: Row) { check(row) }

  @Test(arguments: [
    Row.fields(400, "Content-Length: 1\r\nContent-Length: 2"),
    .fields(400, "Content-Length: 1\r\nContent-Length: 1"), .fields(400, "Content-Length: 1, 1"),
    .fields(400, "Content-Length: +1"), .fields(400, "Content-Length: -1"),
    .fields(400, "Content-Length: 0x1"), .fields(400, "Content-Length: 1 2"),
    .fields(400, "Content-Length:"), .fields(400, "Content-Length: 1a"),
    .fields(400, "Content-Length: 9999999999999999999"),
    .fields(400, "Content-Length: 18446744073709551617"),
    .fields(400, "Content-Length: 1\r\nTransfer-Encoding: chunked"),
    .fields(400, "Transfer-Encoding: chunked\r\nContent-Length: 1"),
    .fields(400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    .fields(501, "Transfer-Encoding: chunked, chunked"), .fields(501, "Transfer-Encoding: gzip"),
    .fields(501, "Transfer-Encoding: gzip, chunked"), .fields(501, "Transfer-Encoding: identity"),
    .fields(501, "Transfer-Encoding: chunked;q=1"), .fields(501, "Transfer-Encoding: xchunked"),
    .fields(501, "Transfer-Encoding: \"chunked\""), .fields(501, "Transfer-Encoding:"),
    .fields(501, "Transfer-Encoding: \u{B}chunked".replacing("\u{B}", with: "x")),
    Row(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    .fields(417, "Expect: 200-ok"), .fields(417, "Expect: 100-continue, x"),
  ])
  func `a length that is ambiguous or malformed is refused`(row: Row) { check(row) }

  @Test(arguments: [
    Row.chunks(400, "\r\n"), .chunks(400, "g\r\n"), .chunks(400, "-1\r\n"), .chunks(400, "0x1\r\n"),
    .chunks(400, " 1\r\na\r\n"), .chunks(400, "1\na\r\n"), .chunks(400, "1 x\r\na\r\n"),
    .chunks(400, "1\r\nab\r\n"), .chunks(400, "1\r\na\n"), .chunks(400, "1\r\na0\r\n\r\n"),
    .chunks(400, "1\r\na\rb"), .chunks(400, "1000000000000000\r\n"),
    .chunks(400, "ffffffffffffffffff\r\n"), .chunks(400, "1;a\u{0}\r\na\r\n"),
    .chunks(400, "1;a\rb\r\na\r\n"), .chunks(400, "1;\(String(repeating: "a", count: 300))\r\n"),
    .chunks(400, String(repeating: "1;\(String(repeating: "a", count: 200))\r\nx\r\n", count: 21)),
    .chunks(400, "0\r\nX : y\r\n\r\n"), .chunks(400, "0\r\n folded\r\n\r\n"),
    .chunks(400, "0\r\nX: y\n\r\n"),
    .chunks(431, "0\r\nX: \(String(repeating: "a", count: 17_000))"),
    .chunks(431, "0\r\n\(String(repeating: "a: b\r\n", count: 101))\r\n"),
  ])
  func `a chunk that is wrong is refused`(row: Row) { check(row) }

  @Test(arguments: [8_180, 20_000])
  func `a request line that is too long is refused, ended or not`(size: Int) {
    check(Row(414, "GET /\(String(repeating: "a", count: size)) HTTP/1.1\r\n"))
    check(Row(414, "GET /\(String(repeating: "a", count: size + 20))"))
  }
}
