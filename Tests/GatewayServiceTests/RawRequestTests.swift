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
  /// Request bodies that are passed on while they come.
  @Suite(.timeLimit(.minutes(1))) struct RawRequestTests {
    private static let csv = ("content-type", "text/csv")

    @Test @EventLoop func `a body of megabytes arrives, with what path and query say`() async throws
    {
      try await DepotSockets.use(.http2) { fixture, sockets in
        let connection = try await sockets.connect()
        let peer = try HTTP2Peer(
          connection,
          "POST",
          "/depot/left%20one/load?dry=true",
          [fixture.bearing(fixture.key), ("content-type", "Text/CSV; charset=utf-8")]
        )
        for _ in 0..<30 {
          peer.stream?.sendBody { $0 += [UInt8](repeating: 65, count: 100_001) }
        }
        peer.stream?.finish(nil)
        #expect(await peer.wait { peer.isOver })
        #expect(peer.status == 200)
        #expect(peer.text == #"{"data":{"shelf":"left one","bytes":3000030,"dry":true}}"#)
        #expect(fixture.service.callers.first?.accountId == DepotFixture.account)
        connection.close()
      }
    }

    @Test @EventLoop func `a chunked body over HTTP/1.1 arrives, and the connection goes on`()
      async throws
    {
      try await DepotSockets.use(.http1) { fixture, sockets in
        let peer = try await sockets.connectHTTP1()
        let head =
          "POST /depot/a/load HTTP/1.1\r\nhost: h\r\nauthorization: Bearer \(fixture.key.text)\r\n"
          + "content-type: text/csv\r\n"
        for round in 1...2 {
          peer.send(head + "transfer-encoding: chunked\r\n\r\n")
          for size in [1, 70_000, 16, 300_000] {
            peer.send(String(size, radix: 16) + "\r\n")
            peer.send([UInt8](repeating: 66, count: size))
            peer.send("\r\n")
          }
          peer.send("0\r\n\r\n")
          let expected = #"{"data":{"shelf":"a","bytes":370017,"dry":null}}"#
          #expect(
            await peer.wait { peer.text.components(separatedBy: expected).count == round + 1 }
          )
        }
        peer.send(head + "content-length: 3\r\n\r\na,b")
        #expect(await peer.wait { peer.text.contains(#""bytes":3,"#) })
        peer.close()
      }
    }

    @Test @EventLoop func `an empty body is one too`() async throws {
      try await DepotFixture.use { fixture in
        let answer = try await fixture.send(
          "POST",
          "/depot/a/load",
          "",
          [fixture.bearing(fixture.key), Self.csv]
        )
        #expect(answer.status == 200)
        #expect(String(decoding: answer.body, as: UTF8.self).contains(#""bytes":0"#))
      }
    }

    @Test @EventLoop func `a client waits while the service does not read`() async throws {
      try await DepotSockets.use(.http2) { fixture, sockets in
        let gate = Gate()
        fixture.service.load = { requests async throws(Fault) in
          _ = try await requests.next()
          await gate.opened()
          var count = 0
          while let request = try await requests.next() { count += request.lines?.count ?? 0 }
          return LoadResponse(shelf: "", bytes: Int64(count))
        }
        let connection = try await sockets.connect()
        let peer = try HTTP2Peer(
          connection,
          "POST",
          "/depot/a/load",
          [fixture.bearing(fixture.key), Self.csv]
        )
        let size = 5_000_000
        peer.stream?.sendBody { $0 += [UInt8](repeating: 67, count: size) }
        peer.stream?.finish(nil)
        // What the windows of both connections and the buffers between them hold is far less than a megabyte.
        #expect(await !peer.wait(for: .milliseconds(300)) { peer.stream?.outputPending == 0 })
        #expect((peer.stream?.outputPending ?? 0) > size - 1_000_000)
        gate.open()
        #expect(await peer.wait { peer.isOver })
        #expect(peer.text.contains(#""bytes":5000000"#))
        connection.close()
      }
    }

    @Test @EventLoop func `a head alone can be refused`() async throws {
      try await DepotFixture.use { fixture in
        let key = fixture.bearing(fixture.key)
        let rows: [(String, [(String, String)], status: Int)] = [
          ("/depot/a/load", [Self.csv], 401),
          ("/depot/a/load", [fixture.bearing(fixture.readingKey), Self.csv], 403),
          ("/depot/a/load", [key, ("content-type", "application/json")], 415),
          ("/depot/a/load", [key, ("content-type", "text/csvx")], 415),
          ("/depot/a/load", [key], 415),
          ("/depot/a/load", [key, Self.csv, ("content-encoding", "gzip")], 415),
          ("/depot/a/load", [key, Self.csv, ("content-length", "67108865")], 413),
          ("/depot/a/load?dry=maybe", [key, Self.csv], 400),
          ("/depot/\(String(repeating: "a", count: 21))/load", [key, Self.csv], 400),
        ]
        for row in rows {
          let stream = RecordedStream("POST", row.0, row.1)
          let gateway = try fixture.gateway
          gateway.receivedHead(stream)
          // The rest of the body ends a refusal that waits for it.
          stream.arrive([1, 2, 3], isLast: true)
          gateway.receivedBody(stream)
          await stream.answered()
          #expect(stream.status == row.status, "\(row)")
          gateway.closed(stream)
        }
        #expect(fixture.service.callers.isEmpty)
      }
    }

    @Test @EventLoop func `a body beyond the limit is refused when it gets there`() async throws {
      try await DepotSockets.use(.http2) { fixture, sockets in
        let connection = try await sockets.connect()
        let peer = try HTTP2Peer(
          connection,
          "POST",
          "/depot/a/load",
          [fixture.bearing(fixture.key), Self.csv]
        )
        peer.stream?.sendBody { $0 += [UInt8](repeating: 68, count: RawBodyReader.bytesMax + 1) }
        peer.stream?.finish(nil)
        #expect(await peer.wait(for: .seconds(50)) { peer.isOver })
        #expect(peer.status == 413)
        await fixture.service.over.opened()
        connection.close()
      }
    }

    @Test @EventLoop func `a fault of the service is told though the body has not ended`()
      async throws
    {
      try await DepotSockets.use(.http2) { fixture, sockets in
        fixture.service.load = { requests async throws(Fault) in
          _ = try await requests.next()
          _ = try await requests.next()
          throw Fault(.failedPrecondition, "The shelf is full", reason: .businessRuleViolation)
        }
        let connection = try await sockets.connect()
        let peer = try HTTP2Peer(
          connection,
          "POST",
          "/depot/a/load",
          [fixture.bearing(fixture.key), Self.csv]
        )
        peer.stream?.sendBody { $0 += [UInt8](repeating: 69, count: 2_000_000) }
        #expect(await peer.wait { peer.stream?.outputPending == 0 })
        peer.stream?.finish(nil)
        #expect(await peer.wait { peer.isOver })
        #expect(peer.status == 422)
        #expect(peer.text.contains("The shelf is full"))
        connection.close()
      }
    }

    @Test @EventLoop func `the service learns that the client is gone`() async throws {
      try await DepotSockets.use(.http2) { fixture, sockets in
        let began = Gate()
        fixture.service.load = { requests async throws(Fault) in
          began.open()
          while try await requests.next() != nil {}
          guard !Task.isCancelled else { throw Fault(.cancelled, "The client is gone") }
          return LoadResponse(shelf: "", bytes: 0)
        }
        let connection = try await sockets.connect()
        let peer = try HTTP2Peer(
          connection,
          "POST",
          "/depot/a/load",
          [fixture.bearing(fixture.key), Self.csv]
        )
        peer.stream?.sendBody { $0 += [1, 2, 3] }
        await began.opened()
        connection.close()
        await fixture.service.over.opened()
      }
    }

    @Test @EventLoop func `an Idempotency-Key says nothing of a body that is not kept`()
      async throws
    {
      try await DepotFixture.use { fixture in
        let answer = try await fixture.send(
          "POST",
          "/depot/a/load",
          "",
          [fixture.bearing(fixture.key), Self.csv, ("idempotency-key", "k")]
        )
        #expect(answer.status == 200)
        #expect(fixture.service.callers.first?.idempotencyKey == nil)
      }
    }
  }
}
