import EventLoop
import Testing

@testable import HTTP

/// How requests follow each other on an HTTP/1.1 connection, and how it ends.
@Suite struct HTTP1SessionTests {
  private static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

  @Test(arguments: [Int.max, 1, 5])
  @EventLoop func `requests sent ahead are answered in order`(pieceSize: Int) {
    let peer = SessionHarness { stream in
      stream.answer(200, String(decoding: stream.request.target, as: UTF8.self))
    }
    peer.send(
      (1...50).map { "GET /\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined(),
      pieceSize: pieceSize
    )
    let bodies = peer.text.split(separator: "HTTP/1.1 200 OK").map {
      $0.split(separator: "\r\n").last
    }
    #expect(bodies == (1...50).map { "/\($0)" })
    #expect(peer.handler.closedCount == 50)
  }

  @Test @EventLoop func `a request sent ahead waits for the answer before it`() throws {
    let peer = SessionHarness { _ in }
    peer.send(HTTP1SessionTests.get + "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab")
    #expect(peer.handler.heads.count == 1)
    peer.handler.streams[0].answer(200, "one")
    peer.flush()
    #expect(peer.handler.heads.count == 2)
    peer.send("c" + HTTP1SessionTests.get)
    #expect(peer.handler.bodies.last == Array("abc".utf8))
    peer.handler.streams[1].answer(200, "two")
    peer.flush()
    #expect(peer.handler.heads.count == 3)
    #expect(peer.statusLines.count == 2)
  }

  @Test @EventLoop func `a peer that sends too far ahead is held up`() {
    let peer = SessionHarness { _ in }
    peer.send(HTTP1SessionTests.get)
    #expect(!peer.isHeld)
    peer.send(String(repeating: HTTP1SessionTests.get, count: 1_000))
    #expect(peer.isHeld)
    peer.handler.respond = { $0.answer() }
    peer.handler.streams[0].answer()
    peer.flush()
    #expect(!peer.isHeld)
    #expect(peer.handler.closedCount == 1_001)
  }

  @Test @EventLoop func `a body is held up until it is read`() {
    let peer = SessionHarness { $0.answer() }
    peer.handler.onBody = { _ in }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
    peer.send([UInt8](repeating: 1, count: 70_000))
    #expect(peer.isHeld)
    let read = peer.handler.streams[0].takeReceived()
    #expect(read.count == 70_000)
    #expect(!peer.isHeld)
    peer.send([UInt8](repeating: 1, count: 30_000))
    #expect(peer.statusLines == ["HTTP/1.1 200 OK"])
  }

  @Test @EventLoop func `bodies that are gathered are held against the budget`() {
    let peer = SessionHarness { $0.answer() }
    let other = peer.budget.reserve(BodyBudget.bytesMax - 1_000)
    #expect(other)
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n")
    peer.send([UInt8](repeating: 1, count: 2_000))
    #expect(peer.statusLines == ["HTTP/1.1 503 Service Unavailable"])
    #expect(peer.handler.closedCount == 1)
    // What the stream held is free again.
    #expect(peer.budget.reserve(1_000))
  }

  // MARK: Expect

  @Test @EventLoop func `a peer that waits is told to go on`() {
    let peer = SessionHarness { $0.answer(200, "done") }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    #expect(peer.text == "HTTP/1.1 100 Continue\r\n\r\n")
    peer.send("abc")
    #expect(peer.statusLines == ["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"])
    #expect(peer.isOpen)
  }

  @Test @EventLoop func `a peer that does not wait is not told`() {
    let peer = SessionHarness { $0.answer() }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    #expect(peer.statusLines == ["HTTP/1.1 200 OK"])
  }

  @Test @EventLoop func `a peer that waits can be turned away`() {
    let peer = SessionHarness { _ in }
    peer.handler.onHead = { $0.answer($0.request.fields["expect"] == nil ? 200 : 413) }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    #expect(peer.statusLines == ["HTTP/1.1 413 Content Too Large"])
    #expect(peer.text.contains("connection: close\r\n"))
  }

  // MARK: Early and missing answers

  @Test @EventLoop func `who answers early ends the connection and reads no more`() {
    let peer = SessionHarness { _ in Issue.record("the request was never complete") }
    peer.handler.onHead = { $0.answer(413, "too much") }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
    #expect(peer.text.hasSuffix("content-length: 8\r\nconnection: close\r\n\r\ntoo much"))
    #expect(!peer.isOpen)
    peer.send([UInt8](repeating: 1, count: 500_000))
    #expect(peer.statusLines.count == 1)
    #expect(peer.handler.bodies.isEmpty)
  }

  @Test @EventLoop func `fields over the limit are the handler's to answer`() {
    let peer = SessionHarness { _ in Issue.record("the request was never complete") }
    peer.handler.onHead = { $0.answer($0.request.isTooLarge ? 431 : 200) }
    peer.send("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 20_000))\r\n\r\n")
    #expect(peer.statusLines == ["HTTP/1.1 431 Request Header Fields Too Large"])
    #expect(peer.text.contains("connection: close"))
  }

  @Test @EventLoop func `a stream that is given up ends the connection`() {
    let peer = SessionHarness { $0.reset(.internalError) }
    peer.send(HTTP1SessionTests.get)
    #expect(!peer.isOpen)
    #expect(peer.output.isEmpty)
    #expect(peer.handler.closedCount == 1)
  }

  @Test @EventLoop func `a stream given up in its answer ends the connection without a last chunk`()
  {
    let peer = SessionHarness { stream in
      stream.sendHead(status: 200, HeaderFields(), isEnd: false)
      stream.sendBody { $0 += "part".utf8 }
    }
    peer.send(HTTP1SessionTests.get)
    peer.handler.streams[0].reset(.internalError)
    peer.flush()
    #expect(!peer.isOpen)
    #expect(peer.text.hasSuffix("\r\n4\r\npart\r\n"))
  }

  @Test @EventLoop func `a reset without error keeps a complete answer`() {
    let peer = SessionHarness { stream in
      stream.answer(200, "whole")
      stream.reset(.noError)
    }
    peer.send(HTTP1SessionTests.get)
    #expect(peer.text.hasSuffix("whole"))
    #expect(peer.isOpen)
  }

  // MARK: Refusals

  @Test @EventLoop func `a malformed request is answered and ends the connection`() {
    let peer = SessionHarness { _ in Issue.record("there is no request") }
    peer.send("GET / HTTP/1.1\r\nHost : h\r\n\r\n" + HTTP1SessionTests.get)
    #expect(peer.statusLines == ["HTTP/1.1 400 Bad Request"])
    #expect(peer.text.hasSuffix("connection: close\r\n\r\nA field has a space before its colon\n"))
    #expect(peer.handler.heads.isEmpty)
    peer.checkTimeouts(in: .seconds(2))
    #expect(!peer.isOpen)
  }

  @Test @EventLoop func `a malformed request behind a good one is refused in its turn`() {
    let peer = SessionHarness { $0.answer() }
    peer.send(HTTP1SessionTests.get + "BAD\r\n\r\n")
    #expect(peer.statusLines == ["HTTP/1.1 200 OK", "HTTP/1.1 400 Bad Request"])
  }

  @Test @EventLoop func `a malformed body is refused and its stream closed`() {
    let peer = SessionHarness { _ in Issue.record("the request was never complete") }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nx\r\n")
    #expect(peer.statusLines == ["HTTP/1.1 400 Bad Request"])
    #expect(peer.handler.closedCount == 1)
    #expect(!peer.handler.streams[0].isRequestComplete)
  }

  @Test @EventLoop func `a malformed body in the middle of an answer ends the connection`() {
    let peer = SessionHarness { _ in }
    peer.handler.onHead = { $0.sendHead(status: 200, HeaderFields(), isEnd: false) }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    peer.send("x\r\n")
    #expect(!peer.isOpen)
    #expect(peer.statusLines == ["HTTP/1.1 200 OK"])
    #expect(peer.handler.closedCount == 1)
  }

  // MARK: Time and end

  @Test @EventLoop func `a head that does not end is given up`() {
    let peer = SessionHarness { _ in }
    peer.send("GET / HTTP/1.1\r\nHost: h\r\nX: ")
    peer.checkTimeouts(in: .seconds(9))
    #expect(peer.output.isEmpty)
    peer.checkTimeouts(in: .seconds(11))
    #expect(peer.statusLines == ["HTTP/1.1 408 Request Timeout"])
  }

  @Test @EventLoop func `a body that rests is given up`() {
    let peer = SessionHarness { _ in }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na")
    peer.checkTimeouts(in: .seconds(19))
    #expect(peer.output.isEmpty)
    peer.checkTimeouts(in: .seconds(21))
    #expect(peer.statusLines == ["HTTP/1.1 408 Request Timeout"])
    #expect(peer.handler.closedCount == 1)
  }

  @Test @EventLoop func `a peer that we hold up has no time to keep`() {
    let peer = SessionHarness { _ in }
    peer.handler.onBody = { _ in }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
    peer.send([UInt8](repeating: 1, count: 70_000))
    peer.checkTimeouts(in: .seconds(21))
    #expect(peer.output.isEmpty)
    peer.checkTimeouts(in: .seconds(121))
    #expect(peer.statusLines == ["HTTP/1.1 408 Request Timeout"])
  }

  @Test @EventLoop func `a handler with a deadline of its own has the time it needs, not the peer`()
  {
    let peer = SessionHarness { _ in }
    peer.handler.onHead = { $0.hasDeadline = true }
    peer.handler.onBody = { _ in }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
    peer.send([UInt8](repeating: 1, count: 70_000))
    peer.checkTimeouts(in: .seconds(1000))
    #expect(peer.output.isEmpty)
    _ = peer.handler.streams[0].takeReceived()
    peer.checkTimeouts(in: .seconds(1000))
    #expect(peer.statusLines == ["HTTP/1.1 408 Request Timeout"])
  }

  @Test @EventLoop func `an idle connection is closed without a word`() {
    let peer = SessionHarness { $0.answer() }
    peer.send(HTTP1SessionTests.get)
    let sent = peer.output
    peer.checkTimeouts(in: .seconds(74))
    #expect(peer.isOpen)
    peer.checkTimeouts(in: .seconds(76))
    #expect(!peer.isOpen)
    #expect(peer.output == sent)
  }

  @Test @EventLoop func `a connection that never asks has only the time of a head`() {
    let peer = SessionHarness { _ in }
    peer.checkTimeouts(in: .seconds(11))
    #expect(!peer.isOpen)
  }

  @Test @EventLoop func `a handler that takes its time is waited for`() {
    let peer = SessionHarness { _ in }
    peer.send(HTTP1SessionTests.get)
    peer.checkTimeouts(in: .seconds(1_000))
    #expect(peer.isOpen)
    peer.handler.streams[0].answer()
    peer.flush()
    #expect(peer.statusLines == ["HTTP/1.1 200 OK"])
  }

  @Test @EventLoop func `draining lets the open request end`() {
    let peer = SessionHarness { _ in }
    peer.send(HTTP1SessionTests.get)
    peer.session?.beginDraining()
    peer.flush()
    #expect(peer.isOpen)
    peer.handler.streams[0].answer()
    peer.flush()
    #expect(peer.text == "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    #expect(!peer.isOpen)
  }

  @Test @EventLoop func `draining closes an idle connection`() {
    let peer = SessionHarness { $0.answer() }
    peer.send(HTTP1SessionTests.get)
    peer.session?.beginDraining()
    peer.flush()
    #expect(!peer.isOpen)
  }

  @Test @EventLoop func `draining waits a moment for the first request`() {
    let peer = SessionHarness { $0.answer() }
    peer.session?.beginDraining()
    peer.flush()
    peer.checkTimeouts(in: .milliseconds(190))
    #expect(peer.isOpen)
    peer.send(HTTP1SessionTests.get)
    #expect(peer.text == "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    #expect(!peer.isOpen)
  }

  @Test @EventLoop func `draining waits no longer than that`() {
    let peer = SessionHarness { $0.answer() }
    peer.session?.beginDraining()
    peer.checkTimeouts(in: .milliseconds(250))
    #expect(!peer.isOpen && peer.output.isEmpty)
  }

  @Test @EventLoop func `a lost connection closes its stream, which may be kept`() {
    let peer = SessionHarness { _ in }
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab")
    let stream = peer.handler.streams[0]
    peer.disconnect()
    #expect(peer.handler.closedCount == 1)
    #expect(stream.isClosed)
    stream.answer()
    stream.acknowledgeReceived()
    stream.reset(.cancel)
    #expect(stream.takeReceived() == Array("ab".utf8))
    #expect(stream.origin.isSecure)
  }
}
