import EventLoop
import Faults
import Protobuf
import TestKit
import Testing

@testable import RPC

/// What becomes of a call that a server answers by `unavailable`.
@Suite(.onLoop) struct RepetitionTests {
  static let path = "/test.Repetition/Note"
  static let unaryDescriptor = MethodDescriptor(path: path)

  /// A server that refuses calls while it is told to.
  @EventLoop final class Replica {
    let server = RPCServer(access: .open)
    let port: UInt16
    var isRefusing = false
    var answered = 0
    var refused = 0

    init() throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      port = listener.address.port
      let method = Method.unary(unaryDescriptor) {
        [unowned self] (request: RawMessage, _) async throws(Fault) -> RawMessage in
        guard !isRefusing else {
          refused += 1
          throw Fault.unavailable("The database is not available")
        }
        answered += 1
        return request
      }
      server.register("test.Repetition", [method], files: [])
      server.health.setServing(true)
      server.serve(listener, tls: nil)
    }
  }

  /// Which replicas refuse, whether the method is idempotent, and what comes of a call.
  static let cases: [(refusing: [Bool], isIdempotent: Bool, isGood: Bool, refusals: Int)] = [
    ([true, false], true, true, 1),
    ([true, true], true, false, 2),
    ([true, false], false, false, 1),
    // Another connection to the same replica is none to another one.
    ([true], true, false, 1),
  ]

  @Test(arguments: cases.indices, [false, true])
  @EventLoop
  func `an idempotent call that is refused is made once more where there is another replica`(
    index: Int,
    isTrunked: Bool
  ) async throws {
    let (refusing, isIdempotent, isGood, refusals) = Self.cases[index]
    let method = MethodDescriptor(
      path: Self.path,
      isIdempotent: isIdempotent,
      isTrunked: isTrunked
    )
    let replicas = try refusing.map { _ in try Replica() }
    let channel = Channel(
      hosts: replicas.map { ("127.0.0.1", $0.port) },
      tls: nil,
      serverName: "localhost"
    )
    // Until all connections stand, and their trunks besides.
    let limit = Instant.now + .seconds(10)
    while channel.servingCount < 2 * replicas.count, Instant.now < limit {
      let _: RawMessage = try await channel.unary(method, RawMessage([1]))
    }
    for _ in 0..<50 { let _: RawMessage = try await channel.unary(method, RawMessage([1])) }

    for (replica, isRefusing) in zip(replicas, refusing) { replica.isRefusing = isRefusing }
    // Calls take turns; of some the first replica is the first that is asked.
    for _ in 0..<20 where replicas[0].refused == 0 {
      do throws(Fault) {
        let _: RawMessage = try await channel.unary(method, RawMessage([2]))
        #expect(isGood || replicas[0].refused == 0)
      } catch {
        #expect(!isGood && error.code == .unavailable)
        #expect(error.message == "The database is not available")
      }
    }
    let refused = replicas.reduce(0) { $0 + $1.refused }
    #expect(refused == refusals)
    channel.close()
    for replica in replicas { await replica.server.drain(timeout: .seconds(5)) }
  }
}
