import EventLoop
import Faults
import HTTP
import Messages
import Protobuf
import TestKit
import Testing

@testable import RPC

/// Serial, since a test measures how fast calls fail.
@Suite(.serialized, .onLoop) struct HealthWatchTests {
  static let note = MethodDescriptor(path: "/test.Health/Note")

  @EventLoop static func channel(_ ports: [UInt16]) -> Channel {
    Channel(
      hosts: ports.map { ("127.0.0.1", $0) },
      tls: nil,
      serverName: "localhost",
      connectionsPerAddress: 1,
      healthOf: "test.Health"
    )
  }

  @EventLoop static func call(_ channel: Channel) async throws(Fault) {
    let _: RawMessage = try await channel.unary(note, RawMessage([1]))
  }

  /// Waits until so many servers are called.
  @EventLoop static func waitForServing(_ count: Int, _ channel: Channel) async throws {
    let limit = Instant.now + .seconds(10)
    while channel.servingCount != count, Instant.now < limit {
      // While there is no connection, this has one made.
      _ = channel.isConnected
      await EventLoop.sleep(for: .milliseconds(1))
    }
    try #require(channel.servingCount == count)
  }

  /// A server of its own port, and how many calls it has answered.
  @EventLoop final class Replica {
    let server = RPCServer(access: .open)
    let port: UInt16
    var count = 0

    init() throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      port = listener.address.port
      let method = Method.unary(note) {
        [unowned self] (request: RawMessage, _) async throws(Fault) -> RawMessage in
        count += 1
        return request
      }
      server.register("test.Health", [method], files: [])
      server.serve(listener, tls: nil)
    }

    func stop() async { await server.drain(timeout: .seconds(5)) }
  }

  @Test @EventLoop
  func `a server that says that it takes no calls gets none while another does, and comes back`()
    async throws
  {
    let replicas = [try Replica(), try Replica()]
    for replica in replicas { replica.server.health.setServing(true) }
    let channel = Self.channel(replicas.map(\.port))
    try await Self.waitForServing(2, channel)
    replicas[0].server.health.setServing(false)
    try await Self.waitForServing(1, channel)
    #expect(channel.connectionCount == 2)
    replicas[0].count = 0
    for _ in 0..<50 { try await Self.call(channel) }
    #expect(replicas[0].count == 0 && replicas[1].count >= 50)

    replicas[0].server.health.setServing(true)
    try await Self.waitForServing(2, channel)
    for _ in 0..<50 { try await Self.call(channel) }
    #expect(replicas[0].count > 0)
    channel.close()
    for replica in replicas { await replica.stop() }
  }

  @Test @EventLoop func `calls fail at once while no server takes any, and go on when one does`()
    async throws
  {
    // It has not said yet that it does.
    let replica = try Replica()
    let channel = Self.channel([replica.port])
    let before = Instant.now
    for _ in 0..<20 {
      do throws(Fault) {
        try await Self.call(channel)
        Issue.record("answered")
      } catch {
        #expect(error.code == .unavailable && error.reason == .serviceUnavailable)
        #expect(error.message == "The service localhost takes no calls at the moment")
      }
    }
    // Below the time that twenty would wait for a connection.
    #expect(Instant.now - before < .seconds(5))
    #expect(replica.count == 0 && channel.connectionCount == 1 && channel.servingCount == 0)
    replica.server.health.setServing(true)
    try await Self.waitForServing(1, channel)
    try await Self.call(channel)
    #expect(replica.count == 1)
    channel.close()
    await replica.stop()
  }

  @Test @EventLoop func `what is under way goes on when the server takes no more calls`()
    async throws
  {
    try await TrunkFixture.with { fixture in
      let task = EventLoop.spawn { try? await fixture.call(TrunkFixture.hold, [7]) }
      await fixture.waitForHeld(1)
      fixture.server.health.setServing(false)
      try await Self.waitForServing(0, fixture.channel)
      fixture.letGo()
      #expect(await task.value == [7])
      fixture.server.health.setServing(true)
      try await Self.waitForServing(1, fixture.channel)
      // By the trunk that was there before.
      _ = try await fixture.call()
      #expect(fixture.byTrunk == 1 && fixture.byStream == 0)
    }
  }

  @Test @EventLoop func `a server that knows nothing of health is called`() async throws {
    let peer = try TrunkPeerTests.Peer(knowsTrunks: false)
    #expect(try await peer.call(Self.note) == [4])
    #expect(peer.channel.servingCount == 1)
    await peer.stop()
  }

  @Test @EventLoop func `a watch is no call, and holds up no end`() async throws {
    for isServerFirst in [true, false] {
      let replica = try Replica()
      replica.server.health.setServing(true)
      let channel = Self.channel([replica.port])
      try await Self.call(channel)
      #expect(channel.counts.inFlight == 0 && channel.counts.ended.reduce(0, +) == 1)
      #expect(replica.server.refused.ended.reduce(0, +) == 0)
      let inFlight = replica.server.allMethods.map { $0.counts?.inFlight ?? 0 }
      #expect(inFlight.reduce(0, +) == 0)
      let before = Instant.now
      if isServerFirst {
        await replica.server.drain(timeout: .seconds(20))
        channel.close()
      } else {
        channel.close()
        await replica.server.drain(timeout: .seconds(20))
      }
      #expect(Instant.now - before < .seconds(10))
    }
  }

  /// A server whose health is told by hand, and that echoes everything else.
  @EventLoop final class Peer: RequestHandler {
    private var http: HTTPServer?
    let port: UInt16
    /// The streams of the health, as they came.
    private(set) var watches: [any ServerStream] = []
    /// Which services were asked about.
    private(set) var asked: [String?] = []
    private var onAsked: (count: Int, continuation: CheckedContinuation<Void, Never>)?

    init() throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      port = listener.address.port
      let http = HTTPServer(handler: self, limits: HTTPLimits(), tls: nil, speaksHTTP1: false)
      self.http = http
      http.serve(listener)
    }

    private func isWatch(_ stream: any ServerStream) -> Bool {
      stream.request.target == Array("/grpc.health.v1.Health/Watch".utf8)
    }

    func receivedHead(_ stream: any ServerStream) {
      stream.sendHead(status: 200, ["content-type": "application/grpc"], isEnd: false)
    }

    func receivedBody(_ stream: any ServerStream) {
      guard stream.isRequestComplete else { return }
      let bytes = stream.takeReceived()
      guard isWatch(stream) else {
        stream.sendBody { $0 += bytes }
        stream.finish(["grpc-status": "0"])
        return
      }
      watches.append(stream)
      let request = try? MessageFraming.decode(5..<bytes.count, of: bytes) as HealthCheckRequest
      asked.append(request?.service)
      if let onAsked, asked.count >= onAsked.count {
        self.onAsked = nil
        onAsked.continuation.resume()
      }
    }

    func drained(_ stream: any ServerStream) {}
    func closed(_ stream: any ServerStream) {}

    /// Waits until health was asked for so often.
    func waitForAsked(_ count: Int) async {
      if asked.count < count { await withCheckedContinuation { onAsked = (count, $0) } }
    }

    /// Says how it is on the last stream.
    func say(_ status: HealthCheckResponse.ServingStatus) {
      watches.last?.sendBody { output in
        MessageFraming.append(HealthCheckResponse(status: status), to: &output)
      }
    }

    /// Ends the last stream.
    func endWatch() { watches.last?.finish(["grpc-status": "14"]) }

    func stop() async { await http?.drain(timeout: .milliseconds(100)) }
  }

  @Test @EventLoop func `only a server that says that it serves is called`() async throws {
    let peer = try Peer()
    let channel = Self.channel([peer.port])
    _ = channel.isConnected
    await peer.waitForAsked(1)
    #expect(peer.asked == ["test.Health"])
    // Nothing was said yet.
    #expect(channel.connectionCount == 1 && channel.servingCount == 0)
    for status in [.unknown, .notServing, .serviceUnknown] as [HealthCheckResponse.ServingStatus] {
      peer.say(.serving)
      try await Self.waitForServing(1, channel)
      try await Self.call(channel)
      peer.say(status)
      try await Self.waitForServing(0, channel)
    }
    channel.close()
    await peer.stop()
  }

  @Test @EventLoop
  func `a watch that ends is opened again, and its last word stands until the next one fails`()
    async throws
  {
    let peer = try Peer()
    let channel = Self.channel([peer.port])
    _ = channel.isConnected
    await peer.waitForAsked(1)
    peer.say(.serving)
    try await Self.waitForServing(1, channel)
    peer.endWatch()
    await peer.waitForAsked(2)
    #expect(channel.servingCount == 1)
    try await Self.call(channel)
    // Without a word.
    peer.endWatch()
    try await Self.waitForServing(0, channel)
    await peer.waitForAsked(3)
    peer.say(.serving)
    try await Self.waitForServing(1, channel)
    try await Self.call(channel)
    channel.close()
    await peer.stop()
  }
}
