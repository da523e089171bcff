import EventLoop
import Testing

@testable import HTTP

/// How answers are written to an HTTP/1.1 connection.
@Suite struct HTTP1AnswerTests {
  @Test @EventLoop func `an answer that is complete at once has its length`() {
    let peer = SessionHarness { $0.answer(201, "hello", ["content-type": "text/plain"]) }
    peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(
      peer.text
        == "HTTP/1.1 201 Created\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
    )
    #expect(peer.isOpen)
    #expect(peer.handler.closedCount == 1)
    #expect(peer.session?.openCount == 0)
  }

  @Test @EventLoop func `an empty answer says that it is empty`() {
    let peer = SessionHarness { $0.answer(404) }
    peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.text == "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
  }

  @Test @EventLoop func `an answer that comes in pieces is chunked`() throws {
    let peer = SessionHarness { $0.sendHead(status: 200, HeaderFields(), isEnd: false) }
    peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.text == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    let stream = try #require(peer.handler.streams.first)
    stream.sendBody { $0 += "first, ".utf8 }
    stream.sendBody { $0 += "second".utf8 }
    peer.flush()
    stream.sendBody { _ in }
    peer.flush()
    stream.sendBody { $0 += [UInt8](repeating: 97, count: 20) }
    stream.finish(nil)
    peer.flush()
    #expect(
      peer.text.hasSuffix(
        "\r\n\r\nd\r\nfirst, second\r\n14\r\naaaaaaaaaaaaaaaaaaaa\r\n0\r\n\r\n"
      )
    )
    #expect(stream.isClosed)
    #expect(peer.isOpen)
  }

  @Test @EventLoop func `a large answer leaves as fast as the peer takes it`() {
    let body = String(repeating: "0123456789", count: 100_000)
    let peer = SessionHarness { $0.answer(200, body) }
    peer.target = 1_000
    peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.text == "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + body)
  }

  @Test @EventLoop func `a length that the handler declares is kept`() throws {
    let peer = SessionHarness { stream in
      stream.sendHead(status: 200, ["content-length": "6"], isEnd: false)
      stream.sendBody { $0 += "abc".utf8 }
    }
    peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    let stream = try #require(peer.handler.streams.first)
    stream.sendBody { $0 += "defXXX".utf8 }
    stream.finish(nil)
    peer.flush()
    #expect(peer.text == "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabcdef")
    #expect(peer.isOpen)
  }

  @Test @EventLoop func `an answer shorter than declared ends the connection`() {
    let peer = SessionHarness { $0.answer(200, "abc", ["content-length": "4"]) }
    peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(!peer.isOpen)
    #expect(peer.handler.closedCount == 1)
  }

  @Test(arguments: [("HEAD", 200, "content-length: 5\r\n"), ("GET", 204, ""), ("GET", 304, "")])
  @EventLoop func `some answers have no body`(method: String, status: Int, length: String) {
    let peer = SessionHarness { $0.answer(status, "hello") }
    peer.send("\(method) / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.text.hasSuffix("\r\n\(length)\r\n"))
    #expect(!peer.text.contains("hello"))
    #expect(peer.isOpen)
  }

  @Test @EventLoop func `a streamed answer to HTTP/1.0 ends with the connection`() throws {
    let peer = SessionHarness { $0.sendHead(status: 200, HeaderFields(), isEnd: false) }
    peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    let stream = try #require(peer.handler.streams.first)
    stream.sendBody { $0 += "abc".utf8 }
    stream.finish(nil)
    peer.flush()
    #expect(peer.text == "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc")
    #expect(!peer.isOpen)
  }

  @Test(arguments: [
    ("HTTP/1.1", "", "", true),
    ("HTTP/1.1", "Connection: close\r\n", "connection: close\r\n", false),
    ("HTTP/1.0", "", "connection: close\r\n", false),
    ("HTTP/1.0", "Connection: keep-alive\r\n", "connection: keep-alive\r\n", true),
  ])
  @EventLoop func `the connection goes on where the peer wants it`(
    version: String,
    field: String,
    answered: String,
    goesOn: Bool
  ) {
    let peer = SessionHarness { $0.answer() }
    peer.send("GET / \(version)\r\nHost: h\r\n\(field)\r\n")
    #expect(peer.text == "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\(answered)\r\n")
    #expect(peer.isOpen == goesOn)
  }

  @Test @EventLoop func `fields that would split or frame the answer are left out`() {
    let peer = SessionHarness {
      $0.answer(
        200,
        "",
        [
          "x-bad": "a\r\nset-cookie: b", "x-nul": "\0", "connection": "x", "upgrade": "y",
          "transfer-encoding": "chunked", "x-good": "a",
        ]
      )
    }
    peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.text == "HTTP/1.1 200 OK\r\nx-good: a\r\ncontent-length: 0\r\n\r\n")
  }

  @Test @EventLoop func `a handler that streams is told when more may follow`() {
    let block = [UInt8](repeating: 1, count: HTTP2Stream.outputHighWater + 1)
    let peer = SessionHarness { stream in
      stream.sendHead(status: 200, HeaderFields(), isEnd: false)
      stream.sendBody { $0 += block }
    }
    var drainedCount = 0
    peer.handler.onDrained = { stream in
      drainedCount += 1
      stream.finish(nil)
    }
    peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(drainedCount == 1)
    #expect(peer.text.hasSuffix("\r\n0\r\n\r\n"))
  }
}
