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
      server.health.setServing(true)
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

  /// A server of its own port, and how many calls it has answered.
  @EventLoop final class Replica {
    let server = RPCServer(access: .open)
    let port: UInt16
    var count = 0

    init(port: UInt16 = 0) throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: port)))
      self.port = listener.address.port
      let method = Method.unary(note) {
        [unowned self] (request: RawMessage, _) async throws(Fault) -> RawMessage in
        count += 1
        return request
      }
      server.register("test.Ports", [method], files: [])
      server.health.setServing(true)
      server.serve(listener, tls: nil)
    }

    func stop() async { await server.drain(timeout: .seconds(5)) }
  }

  @EventLoop private func channel(_ ports: [UInt16]) -> Channel {
    Channel(
      hosts: ports.map { ("127.0.0.1", $0) },
      tls: nil,
      serverName: "localhost"
    )
  }

  @EventLoop private func call(_ channel: Channel) async throws(Fault) {
    let _: RawMessage = try await channel.unary(BalancerTests.note, RawMessage([1]))
  }

  @Test @EventLoop func `all hosts of a list take turns`() async throws {
    let replicas = [try Replica(), try Replica()]
    let channel = channel(replicas.map(\.port))
    for _ in 0..<1_000 where replicas.contains(where: { $0.count == 0 }) {
      try await call(channel)
    }
    #expect(replicas.allSatisfy { $0.count > 0 })
    channel.close()
    for replica in replicas { await replica.stop() }
  }

  /// Calls without a pause until one fails.
  @EventLoop private final class Load {
    var count = 0
    var isEnding = false
    var fault: Fault?
  }

  /// One after the other, each as soon as the one before is there again, as an operator's script has it.
  @Test @EventLoop func `replicas that are restarted one after the other fail no call`()
    async throws
  {
    var replicas = [try Replica(), try Replica()]
    let channel = channel(replicas.map(\.port))
    try await call(channel)
    let load = Load()
    let loading = EventLoop.spawn {
      while !load.isEnding, load.fault == nil {
        do throws(Fault) {
          try await call(channel)
          load.count += 1
        } catch {
          load.fault = error
        }
      }
    }
    for round in 0..<6 {
      let number = round % 2
      let port = replicas[number].port
      await replicas[number].stop()
      let before = load.count
      // Long enough for the pauses between attempts to have grown.
      while load.count < before + 20, load.fault == nil {
        await EventLoop.sleep(for: .milliseconds(20))
      }
      replicas[number] = try Replica(port: port)
    }
    load.isEnding = true
    await loading.value
    #expect(load.fault == nil)
    channel.close()
    for replica in replicas { await replica.stop() }
  }

  @Test @EventLoop func `calls fail at once while nothing is there, and go on when it is`()
    async throws
  {
    let first = try Replica()
    let port = first.port
    let channel = channel([port])
    try await call(channel)
    await first.stop()
    let before = Instant.now
    for _ in 0..<20 {
      await #expect(throws: Fault.self) { try await call(channel) }
    }
    #expect(Instant.now - before < .seconds(1))
    let second = try Replica(port: port)
    while second.count == 0 {
      try? await call(channel)
      await EventLoop.sleep(for: .milliseconds(10))
    }
    channel.close()
    await second.stop()
  }
}

extension Call {
  fileprivate func peerPort() throws(Fault) -> UInt16 {
    guard let address = stream.origin.address else { throw .internalError("no address") }
    return address.port
  }
}
