import EventLoop
import TestKit
import Testing

@testable import HTTP

/// HTTP/2 on a real socket, from peers that break its rules.
@Suite(.serialized, .onLoop) struct HTTP2OverTLSTests {
  /// A request to `/`, whole (RFC 9113, sections 3.4 and 6; RFC 7541, appendix A).
  static let get: [UInt8] =
    Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    + [0, 0, 0, 0x4, 0, 0, 0, 0, 0]
    + [0, 0, 14, 0x1, 0x5, 0, 0, 0, 1, 0x82, 0x87, 0x84, 0x41, 9] + Array("localhost".utf8)
  /// DATA outside every stream: an error of the connection (RFC 9113, section 6.1).
  static let forbidden: [UInt8] = [0, 0, 1, 0x0, 0, 0, 0, 0, 0, 7]

  /// Lets the loop turn until something holds, and says whether it did.
  @EventLoop func turn(until condition: () -> Bool) async -> Bool {
    for _ in 0..<1_000_000 {
      if condition() { return true }
      await Task.yield()
    }
    return condition()
  }

  @Test @EventLoop func `nobody works for a connection that is broken`() async throws {
    let server = try TestHTTPServer(clientProtocols: ["h2"])
    let peer = try await server.connect()
    peer.send(HTTP2OverTLSTests.get)
    while server.handler.streams.isEmpty { await EventLoop.sleep(for: .milliseconds(1)) }
    // The peer does not end its side, and no time passes until the server would no longer wait for that.
    peer.stopReading()
    await ManualClock.use {
      peer.send(HTTP2OverTLSTests.forbidden)
      #expect(await turn { server.handler.closedCount == 1 })
      #expect(!peer.isEnded)
    }
    peer.close()
    await server.server.drain(timeout: .seconds(1))
  }
}
