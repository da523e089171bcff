import EventLoop
import Faults
import HTTP
import Messages
import Metrics
import Protobuf
import TestKit
import Testing
import Tracing

@testable import RPC

/// Calls by trunk are as calls on streams of their own.
///
/// Serial, since a test counts the process's foreign enqueues.
@Suite(.serialized, .onLoop) struct TrunkTests {
  typealias Fixture = TrunkFixture

  @Test @EventLoop func `calls have streams of their own until the trunk is there, then go by it`()
    async throws
  {
    let fixture = try Fixture()
    _ = try await fixture.call()
    #expect(fixture.byStream == 1 && fixture.byTrunk == 0)
    try await fixture.openTrunk()
    for byte in 0..<100 as Range<UInt8> {
      #expect(try await fixture.call(Fixture.echo, [byte]) == [byte])
    }
    #expect(fixture.byStream == 0 && fixture.byTrunk == 100)
    fixture.channel.close()
    await fixture.server.drain(timeout: .seconds(5))
  }

  @Test(arguments: [0, 1, 100, 30_000, 60_000, 70_000, 1_000_000])
  @EventLoop func `a message of any size comes back, a long one on a stream of its own`(size: Int)
    async throws
  {
    try await Fixture.with { fixture in
      let message = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
      let answer = try await fixture.call(Fixture.echo, message)
      #expect(answer == message)
      #expect(fixture.byTrunk == (size <= 60_000 ? 1 : 0))
      #expect(fixture.byStream == (size <= 60_000 ? 0 : 1))
    }
  }

  @Test @EventLoop func `fields of its own give a call a stream of its own`() async throws {
    try await Fixture.with { fixture in
      _ = try await fixture.call(
        Fixture.echo,
        [1],
        CallOptions(metadata: Metadata(["x-note": "a value"]))
      )
      #expect(fixture.byStream == 1)
    }
  }

  @Test @EventLoop func `trailers come with the answer`() async throws {
    try await Fixture.with { fixture in
      let (_, trailers): (RawMessage, Metadata) = try await fixture.channel.unaryWithTrailers(
        Fixture.echo,
        RawMessage([])
      )
      #expect(trailers["x-note"] == "é")
    }
  }

  @Test @EventLoop func `a fault reaches the caller whole`() async throws {
    try await Fixture.with { fixture in
      do throws(Fault) {
        _ = try await fixture.call(Fixture.fail)
        Issue.record("no fault")
      } catch {
        #expect(error.code == .failedPrecondition && error.message == "No — 100 %")
        #expect(error.reason == .licenseExpired && error.facts == [.init("max", 2)])
      }
    }
  }

  @Test @EventLoop func `who is behind the call and its request are told, each with their call`()
    async throws
  {
    try await Fixture.with { fixture in
      for address in ["a", "b", "b", "a"] {
        for id in ["one", "two"] {
          let told = try await fixture.call(
            Fixture.tell,
            [],
            CallOptions(
              caller: Caller(actorKind: .anonymous, clientAddress: address),
              requestID: id
            )
          )
          #expect(String(decoding: told, as: UTF8.self) == "\(id) \(address)")
        }
      }
      #expect(try await fixture.call(Fixture.tell) == Array(" -".utf8))
    }
  }

  @Test @EventLoop func `answers come in the order in which the methods are through`() async throws
  {
    try await Fixture.with { fixture in
      let slow = EventLoop.spawn { try? await fixture.call(Fixture.hold, [1]) }
      await fixture.waitForHeld(1)
      let answer = try await fixture.call(Fixture.echo, [2])
      #expect(answer == [2])
      fixture.letGo()
      #expect(await slow.value == [1])
    }
  }

  @Test @EventLoop func `more calls than a trunk has places are all answered`() async throws {
    try await Fixture.with { fixture in
      let tasks = (0..<1_500).map { index in
        EventLoop.spawn { try? await fixture.call(Fixture.hold, Array("\(index)".utf8)) }
      }
      await fixture.waitForHeld(1_500)
      fixture.letGo()
      for (index, task) in tasks.enumerated() {
        #expect(await task.value == Array("\(index)".utf8))
      }
      // The places are free again.
      let answer = try await fixture.call()
      #expect(answer == [1])
      #expect(fixture.byTrunk == 1)
    }
  }

  @Test @EventLoop func `the deadline ends the call on both sides`() async throws {
    try await Fixture.with { fixture in
      do throws(Fault) {
        _ = try await fixture.call(Fixture.rest, [], CallOptions(timeout: .milliseconds(30)))
        Issue.record("no fault")
      } catch {
        #expect(error.code == .deadlineExceeded)
      }
      await fixture.waitForCancelled()
      // The trunk is none the worse for it.
      let answer = try await fixture.call()
      #expect(answer == [1])
      #expect(fixture.byTrunk == 1)
    }
  }

  @Test @EventLoop func `cancelling the caller's task cancels the server's`() async throws {
    try await Fixture.with { fixture in
      let task = EventLoop.spawn {
        do throws(Fault) {
          _ = try await fixture.call(Fixture.rest)
          return Fault.Code.unknown
        } catch {
          return error.code
        }
      }
      // Behind it on the trunk.
      _ = try await fixture.call()
      task.cancel()
      #expect(await task.value == .cancelled)
      await fixture.waitForCancelled()
      #expect(try await fixture.call() == [1])
      #expect(fixture.byTrunk == 2)
    }
  }

  @Test @EventLoop func `a call that no task waits for tells of its end`() async throws {
    try await Fixture.with { fixture in
      let call: UnaryCall<RawMessage, RawMessage> = fixture.channel.begin(
        Fixture.echo,
        RawMessage([7])
      )
      #expect(call.isSent)
      await withCheckedContinuation { continuation in call.whenOver { continuation.resume() } }
      let answer = try call.answerNow()
      #expect(answer?.0 == RawMessage([7]))

      let givenUp: UnaryCall<RawMessage, RawMessage> = fixture.channel.begin(
        Fixture.rest,
        RawMessage([])
      )
      var isTold = false
      givenUp.whenOver { isTold = true }
      givenUp.cancel()
      #expect(isTold)
    }
  }

  @Test @EventLoop func `an answer that is too long is refused, and the trunk goes on`()
    async throws
  {
    try await Fixture.with { fixture in
      do throws(Fault) {
        _ = try await fixture.call(Fixture.grow)
        Issue.record("no fault")
      } catch {
        #expect(error.code == .resourceExhausted)
      }
      #expect(fixture.counts(of: Fixture.grow)?.byCode.map(\.name) == ["RESOURCE_EXHAUSTED"])
      let answer = try await fixture.call()
      #expect(answer == [1])
      #expect(fixture.byTrunk == 1)
    }
  }

  @Test @EventLoop func `calls are counted on both sides as on streams, and the trunk is none`()
    async throws
  {
    try await Fixture.with { fixture in
      let before = fixture.channel.counts.ended[0]
      for _ in 0..<5 { _ = try await fixture.call() }
      _ = try? await fixture.call(Fixture.fail)
      _ = try? await fixture.call(MethodDescriptor(path: "/test.Trunk/None", isTrunked: true))
      _ = try? await fixture.call(Fixture.rest, [], CallOptions(timeout: .milliseconds(20)))
      await fixture.waitForCancelled()
      let task = EventLoop.spawn { _ = try? await fixture.call(Fixture.hold) }
      await fixture.waitForHeld(1)
      #expect(fixture.channel.counts.inFlight == 1)
      #expect(fixture.counts(of: Fixture.hold)?.inFlight == 1)
      fixture.letGo()
      await task.value

      let ended = fixture.channel.counts.ended
      #expect(ended[0] == before + 6 && ended[9] == 1 && ended[12] == 1 && ended[4] == 1)
      #expect(fixture.channel.counts.inFlight == 0)
      #expect(fixture.counts(of: Fixture.fail)?.byCode.map(\.name) == ["FAILED_PRECONDITION"])
      #expect(fixture.counts(of: Fixture.hold)?.byCode.map(\.count) == [1])
      let rest = try #require(fixture.counts(of: Fixture.rest))
      // Which side's clock was first is open.
      #expect(rest.inFlight == 0 && rest.ended[1] + rest.ended[4] == 1)
      #expect(rest.durations.count == 1)
      #expect(fixture.server.refused.byCode.map(\.name) == ["UNIMPLEMENTED"])
      // The trunk, and what the channel hears of the server's health by.
      let uncounted = fixture.server.allMethods.filter { $0.counts == nil }
      let paths = uncounted.map { $0.descriptor.path }
      #expect(paths == ["/grpc.health.v1.Health/Watch", "/latchkey.rpc.v1.Trunk/Carry"])
    }
  }

  @Test @EventLoop func `a call that is recorded belongs to its trace on the other side`()
    async throws
  {
    let exporter = SpanExporter(
      service: "test",
      collector: CollectorClient(url: try #require(CollectorURL("http://127.0.0.1:9")), fields: [])
    )
    let tracer = Tracer(ratio: 0, exporter: exporter)
    let digits = "4bf92f3577b34da6a3ce929d0e0e4736"
    let parent = TraceContext(parent: Array("00-\(digits)-00f067aa0ba902b7-01".utf8)[...])
    try await Fixture.with { fixture in
      fixture.server.tracer = tracer
      var options = CallOptions()
      options.span = tracer.beginRequest("POST", after: parent)
      let recorded = try await fixture.call(Fixture.trace, [], options)
      #expect(String(decoding: recorded, as: UTF8.self) == "\(digits) true")
      let other = try await fixture.call(Fixture.trace)
      #expect(String(decoding: other, as: UTF8.self) == "- true")
      #expect(fixture.byTrunk == 2)
    }
  }

  @Test @EventLoop func `a call stays on the loop`() async throws {
    try await Fixture.with { fixture in
      let before = EventLoop.foreignEnqueueCount
      await EventLoop.spawn {
        for _ in 0..<100 { #expect((try? await fixture.call()) == [1]) }
      }.value
      #expect(EventLoop.foreignEnqueueCount == before)
      #expect(fixture.byTrunk == 100)
    }
  }

  @Test @EventLoop func `a server that drains answers what is under way and ends the trunk`()
    async throws
  {
    let fixture = try Fixture()
    try await fixture.openTrunk()
    let tasks = (0..<50).map { index in
      EventLoop.spawn { try? await fixture.call(Fixture.hold, [index]) }
    }
    await fixture.waitForHeld(50)
    let draining = EventLoop.spawn { await fixture.server.drain(timeout: .seconds(60)) }
    let start = Instant.now
    await EventLoop.sleep(for: .milliseconds(50))
    fixture.letGo()
    for (index, task) in tasks.enumerated() { #expect(await task.value == [UInt8(index)]) }
    await draining.value
    // The trunk's end did not wait for the time to run out.
    #expect(Instant.now - start < .seconds(30))
    fixture.channel.close()
  }

  @Test @EventLoop func `a channel that closes lets its calls come to their end`() async throws {
    let fixture = try Fixture()
    try await fixture.openTrunk()
    let task = EventLoop.spawn { try? await fixture.call(Fixture.hold, [5]) }
    await fixture.waitForHeld(1)
    fixture.channel.close()
    fixture.letGo()
    #expect(await task.value == [5])
    await fixture.server.drain(timeout: .seconds(5))
  }
}

/// What each call on a trunk is checked for, over mutual TLS.
@Suite(.serialized, .onLoop) struct TrunkAccessTests {
  static let forGateway = MethodDescriptor(
    path: "/test.TrunkAccess/ForGateway",
    isTrunked: true,
    callers: ["gateway"]
  )
  static let scoped = MethodDescriptor(
    path: "/test.TrunkAccess/Scoped",
    isTrunked: true,
    scope: "a:read"
  )
  static let open = MethodDescriptor(path: "/test.TrunkAccess/Open", isTrunked: true)

  /// Identity, caller, method, and what the call comes to; nil for an answer.
  static let rows: [(String, Caller?, MethodDescriptor, Fault.Code?)] = [
    ("gateway", nil, forGateway, nil),
    ("keys", nil, forGateway, .permissionDenied),
    ("gateway", Caller(actorKind: .apiKey, scopes: ["a:read"]), scoped, nil),
    ("gateway", Caller(actorKind: .apiKey, scopes: ["a:write"]), scoped, .permissionDenied),
    ("gateway", nil, scoped, .permissionDenied),
    // Only the gateway's word about the caller counts.
    ("keys", Caller(actorKind: .apiKey, scopes: ["a:read"]), scoped, .permissionDenied),
  ]

  @Test @EventLoop func `a call is refused by trunk as by stream`() async throws {
    var byTrunk = 0
    var streams = 0
    try await ServedRPC.with("trunks") { server in
      let methods = [Self.forGateway, Self.scoped, Self.open].map { descriptor in
        Method.unary(descriptor) { (request: RawMessage, call) async throws(Fault) -> RawMessage in
          if call.seat == nil { streams += 1 } else { byTrunk += 1 }
          return request
        }
      }
      server.register("test.TrunkAccess", methods, files: [])
    } body: { served in
      for (identity, caller, method, expected) in Self.rows {
        let channel = try served.channel(as: identity)
        // The first call of each connection opens its trunk; a row of twenty by trunk has been over them all.
        var row = 0
        while row < 20 {
          let before = byTrunk
          let _: RawMessage = try await channel.unary(Self.open, RawMessage([1]))
          row = byTrunk > before ? row + 1 : 0
        }
        let (servedByTrunk, servedByStream) = (byTrunk, streams)
        let refused = served.server.refused.byCode.reduce(0) { $0 + $1.count }
        for _ in 0..<20 {
          do throws(Fault) {
            let _: RawMessage = try await channel.unary(
              method,
              RawMessage([1]),
              CallOptions(caller: caller)
            )
            #expect(expected == nil)
          } catch {
            #expect(error.code == expected, "\(identity) \(method.path)")
          }
        }
        #expect(byTrunk == servedByTrunk + (expected == nil ? 20 : 0))
        #expect(streams == servedByStream)
        #expect(
          served.server.refused.byCode.reduce(0) { $0 + $1.count }
            == refused + (expected == nil ? 0 : 20)
        )
      }
    }
  }
}
