import EventLoop
import Faults
import HTTP
import Messages
import Protobuf
import TestKit
import Testing

@testable import RPC

/// Peers that break the rules of trunks, or have never heard of them.
@Suite(.serialized, .onLoop) struct TrunkPeerTests {
  typealias Fixture = TrunkFixture
  static let carry = MethodDescriptor(path: "/latchkey.rpc.v1.Trunk/Carry", kind: .bidirectional)

  // MARK: Clients

  static func record(_ call: TrunkCall) -> [UInt8] {
    var bytes: [UInt8] = []
    call.encode(appendingTo: &bytes)
    return bytes
  }

  static func echo(_ id: UInt64, _ request: [UInt8] = [1]) -> [UInt8] {
    record(TrunkCall(id: id, path: Fixture.echo.path, request: request))
  }

  /// What a client sends on a trunk, and what ends it.
  static let breaches: [(String, [[UInt8]], Fault.Code)] = [
    ("no message", [[0xff]], .internalError),
    ("no id", [[0x12, 1, 0x41]], .internalError),
    ("an id of zero", [[0x08, 0]], .internalError),
    ("a length beyond the message", [[0x08, 1, 0x32, 5, 1]], .internalError),
    ("an endless number", [[0x08] + [UInt8](repeating: 0xff, count: 11)], .internalError),
    ("an oversized message", [echo(1, [UInt8](repeating: 0, count: 70_000))], .resourceExhausted),
    (
      "an id twice at a time",
      [
        record(TrunkCall(id: 7, path: Fixture.rest.path)),
        record(TrunkCall(id: 7, path: Fixture.rest.path)),
      ],
      .internalError
    ),
    (
      "a place twice at a time",
      [
        record(TrunkCall(id: 7, path: Fixture.rest.path)),
        record(TrunkCall(id: 7 + 1024, path: Fixture.rest.path)),
      ],
      .internalError
    ),
  ]

  @Test(arguments: breaches.indices)
  @EventLoop func `a client that breaks the rules loses the trunk`(index: Int) async throws {
    let (what, records, code) = Self.breaches[index]
    try await Fixture.with { fixture in
      let call: ClientCall<RawMessage, RawMessage> = try await fixture.channel.stream(Self.carry)
      for record in records { try await call.send(RawMessage(record)) }
      do throws(Fault) {
        while try await call.next() != nil {}
        Issue.record("no fault for \(what)")
      } catch {
        #expect(error.code == code, "\(what)")
      }
      if records.count == 2 { await fixture.waitForCancelled() }
      // Others have theirs still.
      #expect(try await fixture.call() == [1])
      #expect(fixture.byTrunk == 1)
    }
  }

  /// A call that is wrong in itself, and the status of its reply.
  static let refused: [(TrunkCall, Fault.Code)] = [
    (TrunkCall(id: 1), .unimplemented),
    (TrunkCall(id: 1, path: "/test.Trunk/Nothing"), .unimplemented),
    (TrunkCall(id: 1, path: Fixture.count.path, request: []), .unimplemented),
    (TrunkCall(id: 1, path: carry.path, request: []), .unimplemented),
    (
      TrunkCall(id: 1, path: "/grpc.health.v1.Health/Check", request: [0xff]),
      .invalidArgument
    ),
    (TrunkCall(id: 1, path: Fixture.rest.path, timeoutMs: 1, request: []), .deadlineExceeded),
  ]

  @Test(arguments: refused.indices)
  @EventLoop func `a call that is wrong in itself is refused, and the trunk goes on`(index: Int)
    async throws
  {
    let (wrong, code) = Self.refused[index]
    try await Fixture.with { fixture in
      let call: ClientCall<TrunkCall, TrunkReply> = try await fixture.channel.stream(Self.carry)
      // Nothing is under way that could be given up.
      try await call.send(TrunkCall(id: 99, cancelled: true))
      try await call.send(wrong)
      let reply = try #require(try await call.next())
      #expect(reply.id == 1 && reply.response == nil)
      let status = reply.trailers.first { $0.name == "grpc-status" }
      #expect(status?.value == Array("\(code.rawValue)".utf8))
      try await call.send(TrunkCall(id: 2, path: Fixture.echo.path, request: [9]))
      #expect(try await call.next()?.response == [9])
      call.finishSending()
      #expect(try await call.next() == nil)
    }
  }

  @Test @EventLoop func `a trunk that ends in the middle of a message is an error`() async throws {
    try await Fixture.with { fixture in
      let client = try await RawClient(fixture.address)
      client.stream?.sendBody { output in
        MessageFraming.append(to: &output) { $0 += Self.echo(1) }
        output.removeLast()
      }
      client.stream?.finish(nil)
      let fault = Fault(trailers: await client.trailers())
      #expect(fault?.code == .internalError)
      client.connection.close()
    }
  }

  @Test @EventLoop func `a client that sends no more has all its answers before the end`()
    async throws
  {
    try await Fixture.with { fixture in
      let call: ClientCall<TrunkCall, TrunkReply> = try await fixture.channel.stream(Self.carry)
      try await call.send(TrunkCall(id: 1, path: Fixture.hold.path, request: [3]))
      call.finishSending()
      await fixture.waitForHeld(1)
      fixture.letGo()
      #expect(try await call.next()?.response == [3])
      #expect(try await call.next() == nil)
    }
  }

  @Test @EventLoop func `a client that takes no answers is not read from, and may go on later`()
    async throws
  {
    try await Fixture.with { fixture in
      let count = 200
      let call: ClientCall<RawMessage, TrunkReply> = try await fixture.channel.stream(Self.carry)
      let request = [UInt8](repeating: 5, count: 50_000)
      let sending = EventLoop.spawn {
        do throws(Fault) {
          for id in 1...count {
            try await call.send(RawMessage(Self.echo(UInt64(id), request)))
          }
        } catch {
          Issue.record(error)
        }
      }
      // Our own windows take some; the rest stays where it is, however many others are answered meanwhile.
      var asked = 0
      var served = 0
      var roundsWithoutNews = 0
      while roundsWithoutNews < 50 {
        _ = try await fixture.call()
        asked += 1
        roundsWithoutNews = fixture.byTrunk - asked == served ? roundsWithoutNews + 1 : 0
        served = fixture.byTrunk - asked
      }
      #expect(served < count)
      #expect(fixture.trunkPendingMax < 1 << 20)
      var seen = 0
      while seen < count, let reply = try await call.next() {
        seen += 1
        #expect(reply.response?.count == request.count)
      }
      await sending.value
      call.finishSending()
      #expect(try await call.next() == nil)
    }
  }

  @Test @EventLoop func `a client has one trunk of a connection, and one whose end is on its way`()
    async throws
  {
    try await Fixture.with { fixture in
      let second: ClientCall<TrunkCall, TrunkReply> = try await fixture.channel.stream(Self.carry)
      try await second.send(TrunkCall(id: 1, path: Fixture.echo.path, request: [3]))
      #expect(try await second.next()?.response == [3])
      let third: ClientCall<TrunkCall, TrunkReply> = try await fixture.channel.stream(Self.carry)
      do throws(Fault) {
        _ = try await third.next()
        Issue.record("no fault")
      } catch {
        #expect(error.code == .resourceExhausted)
      }
      // The place is free once the second is through.
      second.finishSending()
      #expect(try await second.next() == nil)
      let fourth: ClientCall<TrunkCall, TrunkReply> = try await fixture.channel.stream(Self.carry)
      try await fourth.send(TrunkCall(id: 1, path: Fixture.echo.path, request: [4]))
      #expect(try await fourth.next()?.response == [4])
      fourth.cancel()
    }
  }

  @Test @EventLoop
  func `a client that gives up what it asks for is held up by the work that goes on`()
    async throws
  {
    try await Fixture.with { fixture in
      let count: UInt64 = 5_000
      let call: ClientCall<TrunkCall, TrunkReply> = try await fixture.channel.stream(Self.carry)
      let sending = EventLoop.spawn {
        do throws(Fault) {
          for id in 1...count {
            try await call.send(TrunkCall(id: id, path: Fixture.hold.path, request: []))
            try await call.send(TrunkCall(id: id, cancelled: true))
          }
          try await call.send(TrunkCall(id: count + 1, path: Fixture.echo.path, request: [8]))
        } catch {
          Issue.record(error)
        }
      }
      await fixture.waitForHeld(1_024)
      // A round trip of others: whatever could come has come.
      for _ in 0..<50 { _ = try await fixture.call() }
      #expect(fixture.held.count < Int(count))
      fixture.holds = false
      fixture.letGo()
      #expect(try await call.next()?.response == [8])
      await sending.value
      call.finishSending()
      #expect(try await call.next() == nil)
    }
  }

  @Test @EventLoop
  func `a message that comes byte by byte is a call, and the client's going away cancels it`()
    async throws
  {
    try await Fixture.with { fixture in
      let client = try await RawClient(fixture.address)
      var bytes: [UInt8] = []
      MessageFraming.append(to: &bytes) { $0 += Self.echo(1, [1, 2, 3]) }
      for byte in bytes {
        client.stream?.sendBody { $0.append(byte) }
        // In a frame of its own.
        _ = try await fixture.call()
      }
      let reply = try await client.reply()
      #expect(reply == TrunkReply(id: 1, trailers: reply.trailers, response: [1, 2, 3]))
      client.stream?.sendBody { output in
        MessageFraming.append(to: &output) {
          $0 += Self.record(TrunkCall(id: 2, path: Fixture.rest.path, request: []))
        }
      }
      // So that it has come.
      client.stream?.sendBody { output in
        MessageFraming.append(to: &output) { $0 += Self.echo(3) }
      }
      _ = try await client.reply()
      #expect(fixture.counts(of: Fixture.rest)?.inFlight == 1)
      client.connection.close()
      await fixture.waitForCancelled()
      #expect(fixture.counts(of: Fixture.rest)?.byCode.map(\.name) == ["CANCELLED"])
    }
  }

  /// A client's end of a trunk below the messages.
  @EventLoop final class RawClient: ResponseHandler {
    let connection: HTTP2ClientConnection
    private(set) var stream: HTTP2Stream?
    private var received: [UInt8] = []
    private var waiting: CheckedContinuation<Void, Never>?

    init(_ address: SocketAddress) async throws {
      connection = try await .connect(to: address, tls: nil, serverName: "localhost")
      stream = connection.open(
        method: "POST",
        path: carry.path,
        fields: CallFields.constant,
        handler: self
      )
    }

    /// The next reply.
    func reply() async throws -> TrunkReply {
      while true {
        if let range = try MessageFraming.next(in: received, from: 0) {
          let reply: TrunkReply = try MessageFraming.decode(range, of: received)
          received.removeFirst(range.upperBound)
          return reply
        }
        await withCheckedContinuation { waiting = $0 }
      }
    }

    /// The fields that the trunk ends with.
    func trailers() async -> Metadata {
      while true {
        if let stream, stream.isRequestComplete { return stream.trailers ?? stream.responseFields }
        await withCheckedContinuation { waiting = $0 }
      }
    }

    func received(_ stream: HTTP2Stream) {
      received += stream.takeReceived()
      waiting?.resume()
      waiting = nil
    }

    func drained(_ stream: HTTP2Stream) {}
    func closed(_ stream: HTTP2Stream) {}
  }

  // MARK: Servers

  /// A server of any make: what it does with a trunk is given, and calls on streams are echoed.
  @EventLoop final class Peer: RequestHandler {
    private let onTrunk: @EventLoop (any ServerStream, [UInt8]) -> Void
    private let knowsTrunks: Bool
    private(set) var calls = 0
    private(set) var trunks = 0
    /// Times that something has come on a trunk.
    private(set) var byTrunk = 0
    private var http: HTTPServer?
    let channel: Channel

    init(
      knowsTrunks: Bool = true,
      onTrunk: @escaping @EventLoop (any ServerStream, [UInt8]) -> Void = { _, _ in }
    ) throws {
      self.knowsTrunks = knowsTrunks
      self.onTrunk = onTrunk
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      channel = Channel(
        host: "127.0.0.1",
        port: listener.address.port,
        tls: nil,
        serverName: "localhost",
        connectionsPerAddress: 1
      )
      let http = HTTPServer(handler: self, limits: HTTPLimits(), tls: nil, speaksHTTP1: false)
      self.http = http
      http.serve(listener)
    }

    private func isTrunk(_ stream: any ServerStream) -> Bool {
      stream.request.target == Array(carry.path.utf8)
    }

    /// It tells nothing of its health.
    private func isWatch(_ stream: any ServerStream) -> Bool {
      stream.request.target == Array("/grpc.health.v1.Health/Watch".utf8)
    }

    func receivedHead(_ stream: any ServerStream) {
      var fields = HeaderFields(["content-type": "application/grpc"])
      if isTrunk(stream) { trunks += 1 }
      guard isWatch(stream) || isTrunk(stream) && !knowsTrunks else {
        return stream.sendHead(status: 200, fields, isEnd: false)
      }
      fields.append("grpc-status", "12")
      stream.sendHead(status: 200, fields, isEnd: true)
    }

    func receivedBody(_ stream: any ServerStream) {
      guard !isWatch(stream) else {
        _ = stream.takeReceived()
        return
      }
      if isTrunk(stream) {
        let bytes = stream.takeReceived()
        guard !bytes.isEmpty else { return }
        byTrunk += 1
        return onTrunk(stream, bytes)
      }
      guard stream.isRequestComplete else { return }
      calls += 1
      let bytes = stream.takeReceived()
      stream.sendBody { $0 += bytes }
      stream.finish(["grpc-status": "0"])
    }

    func drained(_ stream: any ServerStream) {}
    func closed(_ stream: any ServerStream) {}

    func call(_ method: MethodDescriptor) async throws(Fault) -> [UInt8] {
      let answer: RawMessage = try await channel.unary(method, RawMessage([4]))
      return answer.bytes
    }

    func stop() async {
      channel.close()
      await http?.drain(timeout: .milliseconds(100))
    }
  }

  static let once = MethodDescriptor(path: "/test.Trunk/Once", isTrunked: true)
  static let again = MethodDescriptor(
    path: "/test.Trunk/Again",
    isIdempotent: true,
    isTrunked: true
  )

  @Test @EventLoop func `a server that knows no trunks is called by streams, and asked once`()
    async throws
  {
    let peer = try Peer(knowsTrunks: false)
    for _ in 0..<50 { #expect(try await peer.call(Self.once) == [4]) }
    #expect(peer.trunks == 1 && peer.calls == 50)
    await peer.stop()
  }

  /// What a server does to a trunk with a call on it.
  static let mischief: [(String, @EventLoop @Sendable (any ServerStream) -> Void)] = [
    ("resets it", { $0.reset(.internalError) }),
    ("ends it well", { $0.finish(["grpc-status": "0"]) }),
    ("ends it with a fault", { $0.finish(["grpc-status": "13"]) }),
    ("sends what is no reply", { $0.sendBody { $0 += [0, 0, 0, 0, 1, 0xff] } }),
    ("sends a reply without an id", { $0.sendBody { $0 += [0, 0, 0, 0, 2, 0x1a, 0] } }),
    (
      "sends a trailer without a name", { $0.sendBody { $0 += [0, 0, 0, 0, 4, 0x08, 1, 0x12, 0] } }
    ),
    ("sends an over-long reply", { $0.sendBody { $0 += [0, 0xff, 0xff, 0xff, 0xff] } }),
  ]

  @Test(arguments: mischief.indices)
  @EventLoop
  func `when a trunk breaks, idempotent calls are repeated and others are unavailable`(index: Int)
    async throws
  {
    let (what, act) = Self.mischief[index]
    for method in [Self.once, Self.again] {
      let peer = try Peer { stream, _ in act(stream) }
      // The first calls find no trunk; the one that breaks it is the last.
      var outcome: Result<[UInt8], Fault> = .success([])
      for _ in 0..<200 where peer.byTrunk == 0 {
        do throws(Fault) {
          outcome = .success(try await peer.call(method))
        } catch {
          outcome = .failure(error)
        }
      }
      #expect(peer.byTrunk == 1)
      switch outcome {
      case .success(let bytes): #expect(method.isIdempotent && bytes == [4], "\(what)")
      case .failure(let fault):
        #expect(!method.isIdempotent && fault.code == .unavailable, "\(what): \(fault)")
      }
      await peer.stop()
    }
  }

  @Test @EventLoop func `replies to calls that nobody has made are passed over`() async throws {
    let peer = try Peer { stream, bytes in
      guard let record = bytes.withUnsafeBytes({ TrunkCallRecord($0, 5..<bytes.count) }) else {
        return
      }
      for id in [record.id + 1, record.id + 1024, 3, record.id] {
        stream.sendBody { output in
          MessageFraming.append(
            TrunkReply(id: id, trailers: [], response: [UInt8(id == record.id ? 6 : 5)]),
            to: &output
          )
        }
      }
    }
    var answer: [UInt8] = [4]
    for _ in 0..<200 where answer == [4] { answer = try await peer.call(Self.once) }
    #expect(answer == [6])
    await peer.stop()
  }
}
