import EventLoop
import Faults
import HTTP
import Protobuf
import TestKit
import Testing

@testable import RPC

@Suite(.onLoop) struct BalancerTests {
  static let note = MethodDescriptor(path: "/test.Ports/Note")

  /// A server that notes from which port each call comes: every connection has its own.
  @EventLoop final class Fixture {
    let server = RPCServer(access: .open)
    let channel: Channel
    var ports: [UInt16] = []

    init() throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      channel = Channel(
        host: "127.0.0.1",
        port: listener.address.port,
        tls: nil,
        serverName: "localhost"
      )
      let method = Method.unary(note) {
        [unowned self] (request: RawMessage, call) async throws(Fault) -> RawMessage in
        ports.append(try call.peerPort())
        return request
      }
      server.register("test.Ports", [method], files: [])
      server.serve(listener, tls: nil)
    }

    /// Makes calls and gives the ports that they came from.
    func call(atOnce count: Int) async -> [UInt16] {
      ports = []
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<count {
          group.addTask { @EventLoop @Sendable in
            do throws(Fault) {
              let _: RawMessage = try await self.channel.unary(note, RawMessage([1]))
            } catch {
              Issue.record(error)
            }
          }
        }
      }
      return ports
    }
  }

  @Test @EventLoop func `calls take turns on the connections, tick by tick`() async throws {
    let fixture = try Fixture()
    var seen: Set<UInt16> = []
    // The second connection comes up a moment after the first.
    for _ in 0..<1_000 where seen.count < 2 { seen.formUnion(await fixture.call(atOnce: 1)) }
    #expect(seen.count == 2)

    var single: [UInt16] = []
    for _ in 0..<10 { single += await fixture.call(atOnce: 1) }
    #expect(Set(single) == seen)
    // What begins together goes together, but a burst is shared out.
    #expect(Set(await fixture.call(atOnce: 8)).count == 1)
    let burst = await fixture.call(atOnce: 200)
    #expect(burst.count == 200 && Set(burst) == seen)

    fixture.channel.close()
    await fixture.server.drain(timeout: .seconds(5))
  }
}

extension Call {
  fileprivate func peerPort() throws(Fault) -> UInt16 {
    guard let address = stream.origin.address else { throw .internalError("no address") }
    return address.port
  }
}
