import EventLoop
import TestKit
import Testing

@testable import HTTP

/// HTTP/1.1 from a real socket through TLS to the handler and back.
@Suite(.onLoop, .timeLimit(.minutes(1))) struct HTTP1OverTLSTests {
  private static let get = "GET /path HTTP/1.1\r\nHost: localhost\r\n\r\n"

  @Test(arguments: [["http/1.1"], []])
  @EventLoop func `requests are answered on one connection`(protocols: [String]) async throws {
    let server = try TestHTTPServer(clientProtocols: protocols)
    server.handler.respond = { $0.answer(200, "hello") }
    let peer = try await server.connect()
    peer.send(HTTP1OverTLSTests.get + HTTP1OverTLSTests.get)
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
    #expect(await peer.wait { $0.text == answer + answer })
    #expect(peer.applicationProtocol == protocols.first)
    #expect(server.handler.streams[0].origin.isSecure)
    #expect(server.handler.streams[0].origin.address?.host == "127.0.0.1")
    peer.close()
    await server.server.drain(timeout: .seconds(1))
  }

  @Test @EventLoop func `the last answer is followed by the end of TLS`() async throws {
    let server = try TestHTTPServer()
    server.handler.respond = { $0.answer(200, "bye") }
    let peer = try await server.connect()
    peer.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    #expect(await peer.wait { $0.isEnded })
    #expect(peer.text.hasSuffix("\r\n\r\nbye"))
    #expect(peer.isEndedCleanly)
    #expect(peer.fault == nil)
    await server.server.drain(timeout: .seconds(1))
  }

  @Test @EventLoop func `a peer that is refused early can read why`() async throws {
    let server = try TestHTTPServer()
    server.handler.onHead = { $0.answer(413, "too much") }
    let peer = try await server.connect()
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n")
    peer.send([UInt8](repeating: 1, count: 3_000_000))
    #expect(await peer.wait { $0.hasSentAll && $0.text.hasSuffix("too much") })
    #expect(await peer.wait { $0.isEnded })
    #expect(peer.isEndedCleanly)
    await server.server.drain(timeout: .seconds(1))
  }

  @Test @EventLoop func `a body waits in the peer while nobody reads it`() async throws {
    let size = 20_000_000
    let server = try TestHTTPServer()
    server.handler.onBody = { _ in }
    server.handler.respond = { $0.answer(200, "read") }
    let peer = try await server.connect()
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(size)\r\n\r\n")
    peer.send([UInt8](repeating: 1, count: size))
    // The kernel's buffers take some megabytes, the server less than one.
    #expect(await !peer.wait(for: .milliseconds(500)) { $0.hasSentAll })
    let stream = try #require(server.handler.streams.first)
    #expect(stream.received.count >= HTTPLimits().streamWindowBytes)
    #expect(stream.received.count < 1_000_000)
    var total = stream.takeReceived().count
    server.handler.onBody = { total += $0.takeReceived().count }
    #expect(await peer.wait { $0.text.hasSuffix("read") })
    #expect(total + (server.handler.bodies.last?.count ?? 0) == size)
    peer.close()
    await server.server.drain(timeout: .seconds(1))
  }

  @Test @EventLoop func `a large answer waits for a peer that is slow`() async throws {
    let server = try TestHTTPServer()
    let body = String(repeating: "0123456789", count: 1_000_000)
    server.handler.respond = { $0.answer(200, body) }
    let peer = try await server.connect()
    peer.send(HTTP1OverTLSTests.get)
    #expect(await peer.wait { $0.received.count > body.utf8.count })
    #expect(peer.text == "HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n" + body)
    peer.close()
    await server.server.drain(timeout: .seconds(1))
  }

  @Test @EventLoop func `a malformed request is answered and the connection ended`() async throws {
    let server = try TestHTTPServer()
    let peer = try await server.connect()
    peer.send("GET / HTTP/1.1\r\nHost : h\r\n\r\n")
    #expect(await peer.wait { $0.isEnded })
    #expect(peer.text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
    #expect(peer.isEndedCleanly)
    await server.server.drain(timeout: .seconds(1))
  }

  @Test @EventLoop func `a handler learns that its peer is gone`() async throws {
    let server = try TestHTTPServer()
    let peer = try await server.connect()
    peer.send(HTTP1OverTLSTests.get)
    while server.handler.streams.isEmpty { await EventLoop.sleep(for: .milliseconds(1)) }
    peer.close()
    while server.handler.closedCount == 0 { await EventLoop.sleep(for: .milliseconds(1)) }
    let stream = server.handler.streams[0]
    #expect(stream.isClosed)
    // What a handler does late is harmless.
    stream.answer(200, "nobody reads this")
    #expect(stream.origin.address != nil)
    await server.server.drain(timeout: .seconds(1))
  }

  @Test @EventLoop func `draining waits for the open request`() async throws {
    let server = try TestHTTPServer()
    let peer = try await server.connect()
    peer.send(HTTP1OverTLSTests.get)
    while server.handler.streams.isEmpty { await EventLoop.sleep(for: .milliseconds(1)) }
    let drained = EventLoop.spawn { await server.server.drain(timeout: .seconds(5)) }
    await EventLoop.sleep(for: .milliseconds(20))
    server.handler.streams[0].answer(200, "last")
    await drained.value
    #expect(await peer.wait { $0.isEnded })
    #expect(peer.text.contains("connection: close\r\n") && peer.text.hasSuffix("last"))
    #expect(peer.isEndedCleanly)
  }

  @Test @EventLoop func `a request that meets the end of draining sees the end and no reset`()
    async throws
  {
    let server = try TestHTTPServer()
    server.handler.respond = { $0.answer(200, "one") }
    let peer = try await server.connect()
    peer.send(HTTP1OverTLSTests.get)
    #expect(await peer.wait { $0.text.hasSuffix("one") })
    let drained = EventLoop.spawn { await server.server.drain(timeout: .seconds(5)) }
    peer.send(HTTP1OverTLSTests.get)
    #expect(await peer.wait { $0.isEnded })
    #expect(peer.isEndedCleanly && !peer.isCut)
    await drained.value
  }

  @Test @EventLoop func `a request behind a handshake that draining meets is answered`()
    async throws
  {
    let server = try TestHTTPServer()
    server.handler.respond = { $0.answer(200, "last") }
    let peer = try await server.connect(isHolding: true)
    peer.send(HTTP1OverTLSTests.get)
    #expect(await peer.wait { $0.held?.isEmpty == false })
    let drained = EventLoop.spawn { await server.server.drain(timeout: .seconds(5)) }
    await EventLoop.sleep(for: .milliseconds(20))
    peer.goOn()
    #expect(await peer.wait { $0.isEnded })
    #expect(peer.text.contains("connection: close\r\n") && peer.text.hasSuffix("last"))
    #expect(peer.isEndedCleanly && !peer.isCut)
    await drained.value
  }

  @Test @EventLoop func `draining does not wait for a handshake that stands still`() async throws {
    let server = try TestHTTPServer()
    let peer = try await server.connect(isHolding: true)
    #expect(await peer.wait { $0.held?.isEmpty == false })
    // The limit of draining itself is far off.
    let drained = EventLoop.spawn { await server.server.drain(timeout: .seconds(600)) }
    #expect(await peer.wait { $0.isEnded })
    await drained.value
  }
}
