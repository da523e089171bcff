import EventLoop
import TestKit
import Testing

@testable import HTTP

/// What a stream keeps of what it has sent.
@Suite(.serialized, .onLoop) struct StreamOutputTests {
  /// More than the client's window: there is always something that the client has not taken.
  static let backlog = 256 * 1024
  static let total = 4 << 20
  static let piece = [UInt8](repeating: 7, count: backlog)

  /// A server that sends as much again as the client takes.
  @EventLoop final class Source: RequestHandler {
    private(set) var stream: HTTP2Stream?

    func receivedHead(_ stream: any ServerStream) {
      self.stream = stream as? HTTP2Stream
      stream.sendHead(status: 200, HeaderFields(), isEnd: false)
      send(backlog)
    }

    func send(_ count: Int) {
      stream?.sendBody { $0 += piece[..<count] }
    }

    func receivedBody(_ stream: any ServerStream) {}
    func drained(_ stream: any ServerStream) {}
    func closed(_ stream: any ServerStream) {}
  }

  @EventLoop final class Taker: ResponseHandler {
    private let source: Source
    private var taken = 0
    private(set) var outputMax = 0
    private(set) var pendingMin = Int.max
    private var waiting: CheckedContinuation<Void, Never>?

    init(_ source: Source) { self.source = source }

    func received(_ stream: HTTP2Stream) {
      taken += stream.takeReceived().count
      guard let output = source.stream else { return }
      outputMax = max(outputMax, output.output.count)
      pendingMin = min(pendingMin, output.outputPending)
      source.send(backlog - output.outputPending)
      guard taken >= total || stream.isRequestComplete else { return }
      waiting?.resume()
      waiting = nil
    }

    func drained(_ stream: HTTP2Stream) {}

    func closed(_ stream: HTTP2Stream) {
      waiting?.resume()
      waiting = nil
    }

    func waitForAll() async -> Int {
      if taken < total { await withCheckedContinuation { waiting = $0 } }
      return taken
    }
  }

  @Test @EventLoop func `a peer that never takes the last byte does not have all of them kept`()
    async throws
  {
    let source = Source()
    let server = HTTPServer(handler: source, limits: HTTPLimits(), tls: nil, speaksHTTP1: false)
    let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
    server.serve(listener)
    let connection: HTTP2ClientConnection = try await .connect(
      to: listener.address,
      tls: nil,
      serverName: "localhost"
    )
    let taker = Taker(source)
    let stream = connection.open(
      method: "POST",
      path: "/",
      fields: HeaderFields(),
      handler: taker
    )
    #expect(stream != nil)
    #expect(await taker.waitForAll() >= Self.total)
    #expect(taker.pendingMin > 0)
    #expect(taker.outputMax < 4 * Self.backlog)
    connection.close()
    await server.drain(timeout: .seconds(5))
  }
}
