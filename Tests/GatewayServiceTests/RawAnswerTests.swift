import Cryptography
import EventLoop
import Faults
import Foundation
import HTTP
import Messages
import RPC
import TestMessages
import Testing

@testable import GatewayService

extension GatewaySuites {
  /// Answers that are passed on while they come.
  @Suite(.timeLimit(.minutes(1))) struct RawAnswerTests {
    @Test(arguments: [0, 1, 10_000, 3_000_001])
    @EventLoop func `a body arrives as it was sent`(count: Int) async throws {
      try await DepotSockets.use(.http2) { fixture, sockets in
        let connection = try await sockets.connect()
        let peer = try HTTP2Peer(
          connection,
          "GET",
          "/depot/dump?bytes=\(count)",
          [fixture.bearing(fixture.readingKey)]
        )
        peer.stream?.finish(nil)
        #expect(await peer.wait { peer.isOver })
        #expect(peer.status == 200 && peer.isComplete)
        #expect(peer.stream?.responseFields["content-type"] == "text/csv")
        #expect(peer.stream?.responseFields["cache-control"] == "no-store")
        #expect(peer.stream?.responseFields["x-request-id"]?.count == 26)
        #expect(peer.body == DepotServer.bytes(from: 0, count: count))
        connection.close()
      }
    }

    @Test @EventLoop func `over HTTP/1.1 it comes in chunks, and the connection goes on`()
      async throws
    {
      try await DepotSockets.use(.http1) { fixture, sockets in
        let peer = try await sockets.connectHTTP1()
        for round in 1...2 {
          peer.send(
            "GET /depot/dump?bytes=20000 HTTP/1.1\r\nhost: h\r\n"
              + "authorization: Bearer \(fixture.key.text)\r\n\r\n"
          )
          #expect(
            await peer.wait {
              peer.text.components(separatedBy: "\r\n0\r\n\r\n").count == round + 1
            }
          )
        }
        #expect(peer.text.contains("transfer-encoding: chunked\r\n"))
        #expect(!peer.isOver)
        peer.close()
      }
    }

    @Test @EventLoop
    func `the service waits while the client does not read, and learns that it is gone`()
      async throws
    {
      try await DepotSockets.use(.http2) { fixture, sockets in
        let connection = try await sockets.connect()
        let peer = try HTTP2Peer(
          connection,
          "GET",
          "/depot/dump?bytes=50000000",
          [fixture.bearing(fixture.key)]
        )
        peer.isReading = false
        peer.stream?.finish(nil)
        #expect(await peer.wait { peer.stream?.received.isEmpty == false })
        #expect(await !peer.wait(for: .milliseconds(300)) { fixture.service.over.isOpen })
        #expect(fixture.service.dumpedBytes < 1_000_000)
        peer.isReading = true
        #expect(await peer.wait { peer.body.count > 2_000_000 })
        #expect(fixture.service.dumpedBytes > 1_000_000)
        connection.close()
        await fixture.service.over.opened()
        #expect(fixture.service.dumpedBytes < 50_000_000)
      }
    }

    @Test @EventLoop func `what fails before the first piece is an error as any other`()
      async throws
    {
      try await DepotFixture.use { fixture in
        fixture.service.dump = { _, _ async throws(Fault) in throw .notFound("There is no shelf") }
        let missing = try await fixture.send(
          "GET",
          "/depot/dump?bytes=1",
          "",
          [fixture.bearing(fixture.key)]
        )
        #expect(missing.status == 404)
        #expect(missing.fields["content-type"] == "application/json")
        #expect(try missing.json()["error"] as? String == "There is no shelf")
        let bad = try await fixture.send("GET", "/depot/dump", "", [fixture.bearing(fixture.key)])
        #expect(bad.status == 400)
      }
    }

    @Test @EventLoop func `what fails later does not pass for the end: HTTP/2`() async throws {
      try await DepotSockets.use(.http2) { fixture, sockets in
        fixture.service.dump = { _, responses async throws(Fault) in
          try await responses.write(DumpResponse(lines: Array("a,b\n".utf8)))
          throw .unavailable("The database is gone")
        }
        let connection = try await sockets.connect()
        let peer = try HTTP2Peer(
          connection,
          "GET",
          "/depot/dump?bytes=1",
          [fixture.bearing(fixture.key)]
        )
        peer.stream?.finish(nil)
        #expect(await peer.wait { peer.isOver })
        #expect(!peer.isComplete)
        #expect(peer.stream?.errorCode == StreamError.internalError.rawValue)
        connection.close()
      }
    }

    @Test @EventLoop func `what fails later does not pass for the end: HTTP/1.1`() async throws {
      try await DepotSockets.use(.http1) { fixture, sockets in
        fixture.service.dump = { _, responses async throws(Fault) in
          try await responses.write(DumpResponse(lines: Array("a,b\n".utf8)))
          throw .unavailable("The database is gone")
        }
        let peer = try await sockets.connectHTTP1()
        peer.send(
          "GET /depot/dump?bytes=1 HTTP/1.1\r\nhost: h\r\n"
            + "authorization: Bearer \(fixture.key.text)\r\n\r\n"
        )
        #expect(await peer.wait { peer.isOver })
        #expect(!peer.text.hasSuffix("0\r\n\r\n"))
      }
    }

    @Test @EventLoop func `HEAD has the head alone`() async throws {
      try await DepotFixture.use { fixture in
        let answer = try await fixture.send(
          "HEAD",
          "/depot/dump?bytes=100000",
          "",
          [fixture.bearing(fixture.key)]
        )
        #expect(answer.status == 200)
        #expect(answer.fields["content-type"] == "text/csv")
        #expect(answer.body.isEmpty)
      }
    }
  }
}
