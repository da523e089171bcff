import EventLoop
import Faults
import HTTP
import Messages
import Protobuf
import Testing
import Tracing

@testable import RPC

/// A server of methods that are called by trunk, with a channel to it over loopback.
@EventLoop final class TrunkFixture {
  nonisolated static let echo = MethodDescriptor(path: "/test.Trunk/Echo", isTrunked: true)
  nonisolated static let fail = MethodDescriptor(path: "/test.Trunk/Fail", isTrunked: true)
  nonisolated static let rest = MethodDescriptor(path: "/test.Trunk/Rest", isTrunked: true)
  nonisolated static let hold = MethodDescriptor(path: "/test.Trunk/Hold", isTrunked: true)
  nonisolated static let grow = MethodDescriptor(path: "/test.Trunk/Grow", isTrunked: true)
  nonisolated static let trace = MethodDescriptor(path: "/test.Trunk/Trace", isTrunked: true)
  nonisolated static let tell = MethodDescriptor(path: "/test.Trunk/Tell", isTrunked: true)
  nonisolated static let count = MethodDescriptor(path: "/test.Trunk/Count", kind: .serverStreaming)

  let server = RPCServer(access: .open)
  let channel: Channel
  let address: SocketAddress
  /// How many calls have come by trunk, and how many by a stream of their own.
  var byTrunk = 0
  var byStream = 0
  /// The most that a trunk's output has had to wait for its client, in bytes.
  var trunkPendingMax = 0
  var cancelled = 0
  var onCancelled: CheckedContinuation<Void, Never>?
  /// Whether calls of `hold` wait.
  var holds = true
  /// Calls of `hold` that wait to be let go.
  var held: [CheckedContinuation<Void, Never>] = []
  var onHeld: (count: Int, continuation: CheckedContinuation<Void, Never>)?

  init(connections: Int = 1) throws {
    let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
    address = listener.address
    channel = Channel(
      host: "127.0.0.1",
      port: address.port,
      tls: nil,
      serverName: "localhost",
      connectionsPerAddress: connections
    )
    server.register("test.Trunk", methods, files: [])
    server.health.setServing(true)
    server.serve(listener, tls: nil)
  }

  private var methods: [RPC.Method] {
    [
      .unary(Self.echo) { [self] (request: RawMessage, call) async throws(Fault) -> RawMessage in
        if let trunk = call.seat?.trunk {
          byTrunk += 1
          trunkPendingMax = max(trunkPendingMax, trunk.carrier.stream.outputPending)
        } else {
          byStream += 1
        }
        call.trailers.append("x-note", "é")
        return request
      },
      .unary(Self.fail) { (_: RawMessage, call) async throws(Fault) -> RawMessage in
        call.trailers.append("x-note", "beside the fault")
        throw Fault(
          .failedPrecondition,
          "No — 100 %",
          reason: .licenseExpired,
          facts: [.init("max", 2)]
        )
      },
      .unary(Self.rest) { [self] (request: RawMessage, _) async throws(Fault) -> RawMessage in
        await EventLoop.sleep(for: .seconds(3600))
        if Task.isCancelled { cancelled += 1 }
        onCancelled?.resume()
        onCancelled = nil
        return request
      },
      .unary(Self.hold) { [self] (request: RawMessage, _) async throws(Fault) -> RawMessage in
        guard holds else { return request }
        await withCheckedContinuation { continuation in
          held.append(continuation)
          if let onHeld, held.count >= onHeld.count {
            self.onHeld = nil
            onHeld.continuation.resume()
          }
        }
        return request
      },
      .unary(Self.grow) { (_: RawMessage, _) async throws(Fault) -> RawMessage in
        RawMessage([UInt8](repeating: 1, count: RPCServer.messageBytesMax))
      },
      .unary(Self.trace) { [self] (_: RawMessage, call) async throws(Fault) -> RawMessage in
        if call.seat != nil { byTrunk += 1 }
        return RawMessage(Array("\(call.traceID ?? "-") \(Span.current === call.span)".utf8))
      },
      .taskless(Self.tell) { (_: RawMessage, call, reply: Reply<RawMessage>) in
        let text = "\(call.requestID) \(call.caller?.clientAddress ?? "-")"
        reply.answer(RawMessage(Array(text.utf8)))
      },
      .serverStreaming(Self.count) {
        (_: RawMessage, _: ResponseWriter<RawMessage>, _) async throws(Fault) in
      },
    ]
  }

  /// Calls, and gives the answer.
  func call(
    _ method: MethodDescriptor = echo,
    _ bytes: [UInt8] = [1],
    _ options: CallOptions = CallOptions()
  ) async throws(Fault) -> [UInt8] {
    let answer: RawMessage = try await channel.unary(method, RawMessage(bytes), options)
    return answer.bytes
  }

  /// Calls until calls go by trunk: the first ones open it.
  func openTrunk() async throws {
    for _ in 0..<1_000 where byTrunk == 0 { _ = try await call() }
    try #require(byTrunk > 0)
    byTrunk = 0
    byStream = 0
  }

  /// Waits until so many calls are held.
  func waitForHeld(_ count: Int) async {
    if held.count < count { await withCheckedContinuation { onHeld = (count, $0) } }
  }

  /// Lets the calls of `hold` go that wait.
  func letGo() {
    let held = held
    self.held = []
    for continuation in held { continuation.resume() }
  }

  /// Waits until the server has cancelled a call of `rest`.
  func waitForCancelled() async {
    if cancelled == 0 { await withCheckedContinuation { onCancelled = $0 } }
  }

  /// What is counted of a method's calls.
  func counts(of method: MethodDescriptor) -> CallCounts? {
    server.allMethods.first { $0.descriptor.path == method.path }?.counts
  }

  /// Runs `body` with a fixture whose trunk is open.
  static func with(_ body: (TrunkFixture) async throws -> Void) async throws {
    let fixture = try TrunkFixture()
    do {
      try await fixture.openTrunk()
      try await body(fixture)
      await fixture.stop()
    } catch {
      await fixture.stop()
      throw error
    }
  }

  private func stop() async {
    letGo()
    channel.close()
    await server.drain(timeout: .seconds(5))
  }
}
