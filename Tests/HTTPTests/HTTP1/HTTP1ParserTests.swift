import Testing

@testable import HTTP

/// What the HTTP/1.1 parser accepts, whatever the pieces in which it comes.
@Suite struct HTTP1ParserTests {
  static let pieceSizes = [Int.max, 1, 2, 3, 7]

  @Test(arguments: pieceSizes)
  func `a request is read into its parts`(pieceSize: Int) throws {
    let parsed = ParsedConnection(
      "POST /api/v1/licenses?a=b%20c HTTP/1.1\r\nHost: example.test:8443\r\n"
        + "X-API-Key:lk_test_x\r\nContent-Length: 5\r\naccept:  a , b \t\r\nEmpty:\r\n\r\nhello",
      pieceSize: pieceSize
    )
    #expect(
      parsed.requests == [
        .init(
          method: "POST",
          target: "/api/v1/licenses?a=b%20c",
          authority: "example.test:8443",
          fields: ["x-api-key: lk_test_x", "content-length: 5", "accept: a , b", "empty: "],
          body: Array("hello".utf8),
          isComplete: true,
          keepsAlive: true,
          expectsContinue: false,
          framing: .length(5)
        )
      ]
    )
    #expect(parsed.refusal == nil)
  }

  @Test(arguments: pieceSizes)
  func `requests that come together are read one after the other`(pieceSize: Int) {
    let parsed = ParsedConnection(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
        + "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
        + "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n"
        + "\r\nGET /4 HTTP/1.1\r\nHost: h\r\n\r\n",
      pieceSize: pieceSize
    )
    #expect(parsed.requests.map(\.target) == ["/1", "/2", "/3", "/4"])
    #expect(
      parsed.requests.map { String(decoding: $0.body, as: UTF8.self) } == ["", "ab", "c", ""]
    )
    #expect(parsed.requests.allSatisfy { $0.isComplete })
  }

  @Test(arguments: pieceSizes)
  func `a chunked body is put together`(pieceSize: Int) {
    let parsed = ParsedConnection(
      "POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: Chunked\r\n\r\n"
        + "5\r\nhello\r\n00a;name=\"a value\"\r\n, wide wor\r\n2 ; x\r\nld\r\n000\r\n"
        + "Trailer: dropped\r\n\r\n",
      pieceSize: pieceSize
    )
    #expect(parsed.requests.first?.body == Array("hello, wide world".utf8))
    #expect(parsed.requests.first?.isComplete == true)
    #expect(parsed.requests.first?.fields == [])
    #expect(parsed.requests.first?.framing == .chunked)
  }

  @Test func `a body that has not ended is not complete`() {
    let sized = ParsedConnection("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab")
    #expect(sized.requests.first?.isComplete == false)
    let chunked = ParsedConnection(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    )
    #expect(chunked.requests.first?.isComplete == false)
  }

  @Test(arguments: [
    ("/", "h", "/", "h"),
    ("/a//b/../c?d#".dropLast().description, "h", "/a//b/../c?d", "h"),
    ("http://host.test/path?q", "ignored", "/path?q", "host.test"),
    ("HTTPS://host.test:1/", "host.test:1", "/", "host.test:1"),
    ("http://host.test", "h", "/", "host.test"),
    ("http://host.test?q=1", "h", "/?q=1", "host.test"),
    ("http://[::1]:80/x", "h", "/x", "[::1]:80"),
    ("/http://other.test/", "h", "/http://other.test/", "h"),
  ])
  func `a target is read in each form`(
    target: String,
    host: String,
    path: String,
    authority: String
  ) {
    let parsed = ParsedConnection("GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
    #expect(parsed.requests.first?.target == path)
    #expect(parsed.requests.first?.authority == authority)
  }

  @Test(arguments: [("*", "*"), ("http://h", "*"), ("http://h/", "/"), ("/x", "/x")])
  func `OPTIONS may ask about the server as a whole`(target: String, path: String) {
    let parsed = ParsedConnection("OPTIONS \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(parsed.requests.first?.target == path)
  }

  @Test(arguments: [
    ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false),
    ("HTTP/1.1", "Connection: Upgrade , CLOSE\r\n", false), ("HTTP/1.0", "", false),
    ("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n", false),
    ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
    ("HTTP/1.0", "Connection: keep-alive, close\r\n", false),
    ("HTTP/1.1", "Connection: closed\r\n", true), ("HTTP/1.7", "", true),
  ])
  func `it is known whether the connection goes on`(version: String, field: String, goesOn: Bool) {
    let parsed = ParsedConnection("GET / \(version)\r\nHost: h\r\n\(field)\r\n")
    #expect(parsed.requests.first?.keepsAlive == goesOn)
  }

  @Test func `HTTP/1.0 needs no host`() {
    let parsed = ParsedConnection("GET / HTTP/1.0\r\n\r\n")
    #expect(parsed.requests.first?.isComplete == true)
    #expect(parsed.requests.first?.authority == "")
  }

  @Test(arguments: [
    ("HTTP/1.1", "Content-Length: 1\r\n", true),
    ("HTTP/1.1", "Transfer-Encoding: chunked\r\n", true),
    ("HTTP/1.1", "", false), ("HTTP/1.0", "Content-Length: 1\r\n", false),
  ])
  func `an expectation counts where a body follows`(version: String, field: String, counts: Bool) {
    let parsed = ParsedConnection(
      "POST / \(version)\r\nHost: h\r\nExpect: 100-Continue\r\n\(field)\r\n"
    )
    #expect(parsed.requests.first?.expectsContinue == counts)
  }

  @Test func `fields of the connection are kept from the handler`() {
    let parsed = ParsedConnection(
      "GET / HTTP/1.1\r\nHOST: h\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
        + "Upgrade: h2c\r\nProxy-Connection: x\r\nCookie: a\r\n\r\n"
    )
    #expect(parsed.requests.first?.fields == ["cookie: a"])
  }

  @Test func `bytes above ASCII pass through field values`() {
    let parsed = ParsedConnection("GET / HTTP/1.1\r\nHost: h\r\nX: gr\u{FC}n\tx\r\n\r\n")
    #expect(parsed.requests.first?.fields == ["x: gr\u{FC}n\tx"])
  }

  @Test(arguments: [8 * 1024 - 15, 8 * 1024 - 14])
  func `a request line may have 8 KiB`(targetSize: Int) {
    // "GET " and " HTTP/1.1" are 13 bytes.
    let target = "/" + String(repeating: "a", count: targetSize)
    let parsed = ParsedConnection("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(parsed.requests.first?.target == target)
  }

  @Test(arguments: pieceSizes)
  func `fields may have their limit and no byte more`(pieceSize: Int) {
    // "Host: h" and "X: " with their line ends take 14 bytes.
    let fits = "GET / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "a", count: 1_010))\r\n\r\n"
    let exact = ParsedConnection(Array(fits.utf8), pieceSize: pieceSize, headerBytesMax: 1_024)
    #expect(exact.requests.first?.isComplete == true)
    let more = fits.replacing("X: ", with: "X: a")
    let over = ParsedConnection(Array(more.utf8), pieceSize: pieceSize, headerBytesMax: 1_024)
    #expect(over.isTooLarge)
    #expect(over.requests.isEmpty)
  }

  @Test(arguments: [(99, false), (100, true)])
  func `there may be 100 fields`(count: Int, isTooLarge: Bool) {
    let fields = String(repeating: "a: b\r\n", count: count)
    let parsed = ParsedConnection("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
    #expect(parsed.isTooLarge == isTooLarge)
  }

  @Test func `a field that never ends is not gathered`() {
    let endless = "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 20_000)
    #expect(ParsedConnection(endless, pieceSize: 100).isTooLarge)
  }
}
