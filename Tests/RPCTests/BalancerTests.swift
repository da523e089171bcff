import EventLoop
import Faults
import Glibc
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

  @EventLoop private func call(
    _ channel: Channel,
    _ options: CallOptions = CallOptions()
  ) async throws(Fault) {
    let _: RawMessage = try await channel.unary(BalancerTests.note, RawMessage([1]), options)
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

  /// Waits for a state, for ten seconds at most; gives whether it came.
  @EventLoop private func wait(until isMet: @EventLoop () -> Bool) async -> Bool {
    let limit = Instant.now + .seconds(10)
    while !isMet(), Instant.now < limit { await EventLoop.sleep(for: .milliseconds(5)) }
    return isMet()
  }

  /// A listener at a port of its own, or where a replica has been.
  @EventLoop private func listener(at port: UInt16 = 0) throws -> Listener {
    try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: port)))
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
    for round in 0..<4 {
      let number = round % 2
      let port = replicas[number].port
      await replicas[number].stop()
      let (before, since) = (load.count, Instant.now)
      // Until it has been tried often enough for the pauses to have grown, and the other one is old enough to be missed.
      var tried = 0
      let stopped = try listener(at: port)
      stopped.start { connection in
        tried += 1
        connection.close()
      }
      let isDown = await wait {
        load.fault != nil
          || tried >= 3 && load.count >= before + 20 && Instant.now - since > .milliseconds(1_200)
      }
      #expect(isDown)
      stopped.stop()
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
    let limit = Instant.now + .seconds(10)
    while second.count == 0, Instant.now < limit {
      try? await call(channel)
      await EventLoop.sleep(for: .milliseconds(10))
    }
    #expect(second.count > 0)
    channel.close()
    await second.stop()
  }

  @Test(arguments: ["127.0.0.1", "localhost"])
  @EventLoop
  func `a name that does not resolve holds up no call to others of the list`(other: String)
    async throws
  {
    let replica = try Replica()
    let channel = Channel(
      hosts: [("unknown.invalid", 1), (other, replica.port)],
      tls: nil,
      serverName: "localhost"
    )
    try await call(channel)
    #expect(replica.count == 1)
    channel.close()
    await replica.stop()
  }

  @Test @EventLoop func `a server that closes what it takes is tried ever less often`()
    async throws
  {
    let listener = try listener()
    var tried = 0
    listener.start { connection in
      tried += 1
      connection.close()
    }
    let channel = channel([listener.address.port])
    let fault = await #expect(throws: Fault.self) { try await call(channel) }
    #expect(fault?.message == "The service localhost cannot be reached")
    // What is measured: for each of two places the tries begin at 0, 0, 50, 150, 350 and 750 ms at the soonest.
    await EventLoop.sleep(for: .seconds(1))
    #expect((4...14).contains(tried))
    channel.close()
    listener.stop()
  }

  /// An address that neither takes nor refuses a connection, with what fills its queue.
  @EventLoop private func swallower() async throws -> (Listener, [Connection]) {
    let listener = try listener()
    // The kernel drops what begins a connection while the queue is full: `listen(2)`, `tcp(7)`.
    try #require(listen(listener.descriptor, 0) == 0)
    var held: [Connection] = []
    while held.count < 8 {
      do throws(Fault) {
        held.append(
          try await Connection.connect(to: listener.address, timeout: .milliseconds(200))
        )
      } catch {
        return (listener, held)
      }
    }
    Issue.record("The queue is never full")
    return (listener, held)
  }

  @Test @EventLoop func `an address that swallows packets holds up no call to another`()
    async throws
  {
    let (listener, held) = try await swallower()
    let replica = try Replica()
    let channel = channel([listener.address.port, replica.port])
    let before = Instant.now
    for _ in 0..<20 { try await call(channel) }
    // Less than a call would wait for it.
    #expect(Instant.now - before < .seconds(1))
    #expect(replica.count == 20)
    channel.close()
    await replica.stop()
    for connection in held { connection.close() }
    listener.stop()
  }

  @Test @EventLoop
  func `a call waits a second for a connection, or until it is given up or its deadline`()
    async throws
  {
    let (listener, held) = try await swallower()
    let channel = channel([listener.address.port])
    let before = Instant.now
    await #expect(throws: Fault.self) { try await call(channel) }
    let waited = Instant.now - before
    #expect(waited >= .seconds(1) && waited < .seconds(3))
    // The first attempts are still under way, so there is hope.
    let begun = Instant.now
    let task = EventLoop.spawn { () async -> Bool in
      do throws(Fault) {
        try await call(channel)
        return true
      } catch {
        return false
      }
    }
    await EventLoop.sleep(for: .milliseconds(20))
    task.cancel()
    let isAnswered = await task.value
    #expect(!isAnswered)
    #expect(Instant.now - begun < .milliseconds(800))
    let fault = await #expect(throws: Fault.self) {
      try await call(channel, CallOptions(timeout: .milliseconds(20)))
    }
    #expect(fault?.code == .deadlineExceeded)
    channel.close()
    for connection in held { connection.close() }
    listener.stop()
  }

  @Test @EventLoop func `only so many calls wait for a connection, and none wakes another`()
    async throws
  {
    let (listener, held) = try await swallower()
    let balancer = Balancer(
      hosts: [("127.0.0.1", listener.address.port)],
      tls: nil,
      serverName: "localhost",
      connectionsPerAddress: 1,
      healthOf: ""
    )
    let before = Instant.now
    let calls = (0..<(WaitingCalls.countMax + 5)).map { _ in
      EventLoop.spawn { () async -> String in
        do throws(Fault) {
          try await balancer.waitForConnection(by: before + .seconds(30))
          return "connected"
        } catch {
          return error.message
        }
      }
    }
    var messages: [String: Int] = [:]
    for call in calls {
      let message = await call.value
      messages[message, default: 0] += 1
    }
    #expect(
      messages == [
        "The service localhost cannot be reached": WaitingCalls.countMax,
        "Too many calls wait for the service localhost": 5,
      ]
    )
    // Were each woken by the timer of each, this would be a hundred million times.
    #expect(Instant.now - before < .seconds(8))
    balancer.close()
    for connection in held { connection.close() }
    listener.stop()
  }
}

extension Call {
  fileprivate func peerPort() throws(Fault) -> UInt16 {
    guard let address = stream.origin.address else { throw .internalError("no address") }
    return address.port
  }
}
