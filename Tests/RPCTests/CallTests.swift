import EventLoop
import Faults
import HTTP
import Messages
import Protobuf
import RPC
import TestKit
import Testing

/// Serial, since a test counts the process's foreign enqueues.
@Suite(.serialized, .onLoop) struct CallTests {
  static let echo = MethodDescriptor(path: "/test.Echo/Unary")
  static let fail = MethodDescriptor(path: "/test.Echo/Fail")
  static let rest = MethodDescriptor(path: "/test.Echo/Rest")
  static let count = MethodDescriptor(path: "/test.Echo/Count", kind: .serverStreaming)
  static let sum = MethodDescriptor(path: "/test.Echo/Sum", kind: .clientStreaming)
  static let now = MethodDescriptor(path: "/test.Echo/Now")
  static let chat = MethodDescriptor(path: "/test.Echo/Chat", kind: .bidirectional)

  /// A server over loopback with a channel to it.
  @EventLoop final class Fixture {
    let server = RPCServer(access: .open)
    let channel: Channel
    var cancelled = 0
    /// What a call that rested says of its request, at its beginning and at its end.
    var requestIDs: [String] = []
    var resting: CheckedContinuation<Void, Never>?

    init() throws {
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      channel = Channel(
        host: "127.0.0.1",
        port: listener.address.port,
        tls: nil,
        serverName: "localhost"
      )
      server.register("test.Echo", methods, files: [])
      server.health.setServing(true)
      server.serve(listener, tls: nil)
    }

    var methods: [Method] {
      [
        .unary(echo) { (request: RawMessage, call) async throws(Fault) -> RawMessage in
          if let value = call.metadata["x-note"] { call.trailers.append("x-note", value) }
          return request
        },
        .unary(fail) { (_: RawMessage, _) async throws(Fault) -> RawMessage in
          throw Fault(
            .failedPrecondition,
            "No — 100 %",
            reason: .licenseExpired,
            facts: [.init("max", 2)]
          )
        },
        .unary(rest) { [self] (request: RawMessage, call) async throws(Fault) -> RawMessage in
          requestIDs.append(call.requestID)
          await EventLoop.sleep(for: .seconds(3600))
          requestIDs.append(call.requestID)
          if Task.isCancelled { cancelled += 1 }
          resting?.resume()
          return request
        },
        // What the first byte says: an answer now, a fault, or a task after all, which rests before it answers.
        .taskless(now) { [self] (request: RawMessage, _, reply: Reply<RawMessage>) in
          switch request.bytes.first {
          case 0: reply.answer(request)
          case 1: reply.fail(.notFound("Not here"))
          default:
            reply.inTask { () async throws(Fault) in
              if request.bytes.first == 2 { return request }
              await EventLoop.sleep(for: .seconds(3600))
              if Task.isCancelled { self.cancelled += 1 }
              self.resting?.resume()
              #expect(!reply.isAwaited)
              return request
            }
          }
        },
        .serverStreaming(count) {
          (request: RawMessage, responses: ResponseWriter<RawMessage>, _) async throws(Fault) in
          for index in 0..<Int(request.bytes[0]) {
            try await responses.write(
              RawMessage([UInt8](repeating: UInt8(index), count: 100_000))
            )
          }
        },
        .clientStreaming(sum) {
          (requests: RequestReader<RawMessage>, _) async throws(Fault) -> RawMessage in
          var total = 0
          while let request = try await requests.next() { total += request.bytes.count }
          return RawMessage(Array(String(total).utf8))
        },
        .bidirectional(chat) {
          (requests: RequestReader<RawMessage>, responses: ResponseWriter<RawMessage>, _)
            async throws(Fault) in
          while let request = try await requests.next() { try await responses.write(request) }
        },
      ]
    }

    func stop() async {
      channel.close()
      await server.drain(timeout: .seconds(5))
    }
  }

  @EventLoop func withServer(_ body: (Fixture) async throws -> Void) async throws {
    let fixture = try Fixture()
    do {
      try await body(fixture)
      await fixture.stop()
    } catch {
      await fixture.stop()
      throw error
    }
  }

  @Test(arguments: [0, 1, 100, 65_536, 1_000_000])
  @EventLoop func `a message of any size comes back`(size: Int) async throws {
    try await withServer { fixture in
      let message = RawMessage((0..<size).map { UInt8(truncatingIfNeeded: $0) })
      var options = CallOptions()
      options.metadata.append("x-note", "a value")
      let (answer, trailers): (RawMessage, Metadata) = try await fixture.channel.unaryWithTrailers(
        Self.echo,
        message,
        options
      )
      #expect(answer == message)
      #expect(trailers["x-note"] == "a value")
    }
  }

  @Test @EventLoop func `a call tells of its end once and has its answer then`() async throws {
    try await withServer { fixture in
      // The first one connects.
      let first: UnaryCall<RawMessage, RawMessage> = fixture.channel.begin(
        Self.echo,
        RawMessage([1])
      )
      #expect(!first.isSent)
      let (answer, _) = try await first.answer()
      #expect(answer == RawMessage([1]))
      let second: UnaryCall<RawMessage, RawMessage> = fixture.channel.begin(
        Self.echo,
        RawMessage([2])
      )
      #expect(second.isSent)
      await withCheckedContinuation { continuation in
        second.whenOver { continuation.resume() }
      }
      let secondAnswer = try second.answerNow()
      #expect(secondAnswer?.0 == RawMessage([2]))
      second.cancel()
    }
  }

  @Test @EventLoop func `a call that is given up tells of its end at once`() async throws {
    try await withServer { fixture in
      let _: RawMessage = try await fixture.channel.unary(Self.echo, RawMessage([1]))
      let call: UnaryCall<RawMessage, RawMessage> = fixture.channel.begin(
        Self.echo,
        RawMessage([2])
      )
      var isTold = false
      call.whenOver { isTold = true }
      call.cancel()
      #expect(isTold)
      do throws(Fault) {
        _ = try call.answerNow()
        Issue.record("no fault")
      } catch {
        #expect(error.code == .cancelled)
      }
    }
  }

  @Test @EventLoop
  func `a method without a task answers now, with a fault, or by a task after all`()
    async throws
  {
    try await withServer { fixture in
      for byte in [0, 2] as [UInt8] {
        let answer: RawMessage = try await fixture.channel.unary(Self.now, RawMessage([byte]))
        #expect(answer.bytes == [byte])
      }
      await #expect(throws: Fault.self) {
        let _: RawMessage = try await fixture.channel.unary(Self.now, RawMessage([1]))
      }
      // The deadline ends the task that it went on in.
      await withCheckedContinuation { continuation in
        fixture.resting = continuation
        let channel = fixture.channel
        EventLoop.spawn {
          let _: RawMessage? = try? await channel.unary(
            Self.now,
            RawMessage([3]),
            CallOptions(timeout: .milliseconds(50))
          )
        }
      }
      #expect(fixture.cancelled == 1)
    }
  }

  @Test @EventLoop func `a call stays on the loop`() async throws {
    try await withServer { fixture in
      let _: RawMessage = try await fixture.channel.unary(Self.echo, RawMessage([1]))
      let before = EventLoop.foreignEnqueueCount
      await EventLoop.spawn {
        for _ in 0..<100 {
          do throws(Fault) {
            let _: RawMessage = try await fixture.channel.unary(Self.echo, RawMessage([1]))
          } catch {
            Issue.record(error)
          }
        }
      }.value
      #expect(EventLoop.foreignEnqueueCount == before)
    }
  }

  @Test @EventLoop func `a fault reaches the caller whole`() async throws {
    try await withServer { fixture in
      do throws(Fault) {
        let _: RawMessage = try await fixture.channel.unary(Self.fail, RawMessage([]))
        Issue.record("no fault")
      } catch {
        #expect(error.code == .failedPrecondition && error.message == "No — 100 %")
        #expect(error.reason == .licenseExpired && error.facts == [.init("max", 2)])
      }
    }
  }

  @Test(arguments: [(0, false), (1, true), (2, false), (200, false)])
  @EventLoop func `a unary call is answered by one message and nothing else`(
    count: UInt8,
    isGood: Bool
  ) async throws {
    try await withServer { fixture in
      do throws(Fault) {
        let _: RawMessage = try await fixture.channel.unary(Self.count, RawMessage([count]))
        #expect(isGood)
      } catch {
        #expect(!isGood && error.code == .internalError)
      }
    }
  }

  @Test @EventLoop func `an unknown method and an unknown service are unimplemented`() async throws
  {
    try await withServer { fixture in
      for path in ["/test.Echo/Nothing", "/test.Nothing/Unary", "/", "/x"] {
        do throws(Fault) {
          let _: RawMessage = try await fixture.channel.unary(
            MethodDescriptor(path: path),
            RawMessage([])
          )
          Issue.record("no fault")
        } catch {
          #expect(error.code == .unimplemented)
        }
      }
    }
  }

  @Test @EventLoop func `the deadline ends the call on both sides`() async throws {
    try await withServer { fixture in
      do throws(Fault) {
        let _: RawMessage = try await fixture.channel.unary(
          Self.rest,
          RawMessage([]),
          CallOptions(timeout: .milliseconds(30))
        )
        Issue.record("no fault")
      } catch {
        #expect(error.code == .deadlineExceeded)
      }
      if fixture.cancelled == 0 { await withCheckedContinuation { fixture.resting = $0 } }
      #expect(fixture.cancelled == 1)
    }
  }

  @Test @EventLoop func `cancelling the caller's task cancels the server's`() async throws {
    try await withServer { fixture in
      // The connection is up, so that the call has reached the server when its task is cancelled.
      let _: RawMessage = try await fixture.channel.unary(Self.echo, RawMessage([]))
      let task = EventLoop.spawn {
        do throws(Fault) {
          let _: RawMessage = try await fixture.channel.unary(
            Self.rest,
            RawMessage([]),
            CallOptions(caller: Caller(actorKind: .anonymous), requestID: "one")
          )
          return Fault.Code.unknown
        } catch {
          return error.code
        }
      }
      await EventLoop.sleep(for: .milliseconds(20))
      task.cancel()
      #expect(await task.value == .cancelled)
      if fixture.cancelled == 0 { await withCheckedContinuation { fixture.resting = $0 } }
      #expect(fixture.cancelled == 1)
      // It outlives the fields that it came in.
      #expect(fixture.requestIDs == ["one", "one"])
    }
  }

  @Test @EventLoop func `a server's stream is read at the reader's pace`() async throws {
    try await withServer { fixture in
      let call: ClientCall<RawMessage, RawMessage> = try await fixture.channel.stream(Self.count)
      try await call.send(RawMessage([200]))
      call.finishSending()
      var index = 0
      while let message = try await call.next() {
        #expect(message.bytes.count == 100_000 && message.bytes[0] == UInt8(index))
        index += 1
      }
      #expect(index == 200)
    }
  }

  @Test @EventLoop func `a client's stream is held up by a server that does not read on`()
    async throws
  {
    try await withServer { fixture in
      let call: ClientCall<RawMessage, RawMessage> = try await fixture.channel.stream(Self.sum)
      for _ in 0..<300 { try await call.send(RawMessage([UInt8](repeating: 1, count: 50_000))) }
      call.finishSending()
      let answer = try await call.next()
      #expect(answer?.bytes == Array("15000000".utf8))
      #expect(try await call.next() == nil)
    }
  }

  @Test @EventLoop func `both sides may talk at once`() async throws {
    try await withServer { fixture in
      let call: ClientCall<RawMessage, RawMessage> = try await fixture.channel.stream(Self.chat)
      for size in [1, 50_000, 0, 7] {
        let message = RawMessage([UInt8](repeating: 9, count: size))
        try await call.send(message)
        #expect(try await call.next() == message)
      }
      call.finishSending()
      #expect(try await call.next() == nil)
    }
  }

  @Test @EventLoop func `a thousand calls at once are all answered`() async throws {
    try await withServer { fixture in
      let channel = fixture.channel
      let tasks = (0..<1000).map { index in
        EventLoop.spawn {
          do throws(Fault) {
            let message = RawMessage(Array(String(index).utf8))
            let answer: RawMessage = try await channel.unary(Self.echo, message)
            return answer == message
          } catch {
            return false
          }
        }
      }
      for task in tasks { #expect(await task.value) }
    }
  }

  @Test @EventLoop func `a server that drains ends its calls and refuses new ones`() async throws {
    let fixture = try Fixture()
    let call: ClientCall<RawMessage, RawMessage> = try await fixture.channel.stream(Self.chat)
    try await call.send(RawMessage([1]))
    #expect(try await call.next() == RawMessage([1]))
    let draining = EventLoop.spawn { await fixture.server.drain(timeout: .seconds(20)) }
    await EventLoop.sleep(for: .milliseconds(50))
    // What was open goes on to its end.
    try await call.send(RawMessage([2]))
    #expect(try await call.next() == RawMessage([2]))
    call.finishSending()
    #expect(try await call.next() == nil)
    await draining.value
    await #expect(throws: Fault.self) {
      let _: RawMessage = try await fixture.channel.unary(Self.echo, RawMessage([]))
    }
    fixture.channel.close()
  }

  @Test @EventLoop func `a call fails fast when nothing is there`() async throws {
    let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
    let port = listener.address.port
    listener.stop()
    let channel = Channel(host: "127.0.0.1", port: port, tls: nil, serverName: "localhost")
    defer { channel.close() }
    let start = Instant.now
    do throws(Fault) {
      let _: RawMessage = try await channel.unary(Self.echo, RawMessage([]))
      Issue.record("answered")
    } catch {
      #expect(error.code == .unavailable && error.reason == .serviceUnavailable)
    }
    // Alive rather than stuck: far below the call's own deadline.
    #expect(Instant.now - start < .seconds(5))
  }
}
