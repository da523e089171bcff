import Cryptography
import EventLoop
import Primitives
import TestKit
import Testing

@testable import WebhooksSending

/// Receivers that do what none should; each ends as one outcome, in time, and in bounded memory.
@Suite(.onLoop, .serialized, .timeLimit(.minutes(1))) struct HostileReceiverTests {
  private static let now = Timestamp(milliseconds: 1_790_000_000_000)

  /// Sends one request to a receiver with the given script, and checks that the next one goes well.
  @EventLoop private func send(_ script: @escaping ScriptedReceiver.Script) async throws -> Outcome
  {
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    receiver.script = script
    let fixture = try SendingFixture()
    let outcome = await fixture.sender.send(try fixture.request(receiver))
    receiver.script = { $0.answer(body: "well") }
    let next = await fixture.sender.send(try fixture.request(receiver))
    #expect(next.status == 200)
    #expect(String(decoding: next.replyBody, as: UTF8.self) == "well")
    #expect(next.failure == nil)
    fixture.sender.close()
    return outcome
  }

  // MARK: Time

  @Test @EventLoop func `a receiver that never replies is given up after ten seconds`() async throws
  {
    try await ManualClock.use {
      let receiver = try ScriptedReceiver()
      defer { receiver.stop() }
      let fixture = try SendingFixture()
      let request = try fixture.request(receiver)
      let send = EventLoop.spawn { await fixture.sender.send(request) }
      await receiver.wait { receiver.requests.count == 1 }
      ManualClock.advance(by: .milliseconds(9_990))
      #expect(fixture.sender.underWayCount == 1)
      ManualClock.advance(by: .milliseconds(20))
      let outcome = await send.value
      #expect(outcome.failure == .timeout)
      #expect(outcome.status == nil)
      #expect(outcome.detail == "connected, and no reply came")
      #expect(outcome.address == IPAddress("127.0.0.1"))
      #expect((.seconds(10)..<Duration.seconds(11)).contains(outcome.duration))
      #expect(fixture.sender.underWayCount == 0)
      await receiver.wait { receiver.openCount == 0 }
      fixture.sender.close()
    }
  }

  /// A limit on each read alone would never end this.
  @Test @EventLoop func `a reply that drips does not win more time`() async throws {
    try await ManualClock.use {
      let receiver = try ScriptedReceiver()
      defer { receiver.stop() }
      receiver.script = { $0.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n") }
      let fixture = try SendingFixture()
      let request = try fixture.request(receiver)
      let send = EventLoop.spawn { await fixture.sender.send(request) }
      await receiver.wait { receiver.requests.count == 1 }
      for _ in 0..<10 {
        receiver.connections[0].send("x")
        ManualClock.advance(by: .milliseconds(999))
        #expect(fixture.sender.underWayCount == 1)
      }
      ManualClock.advance(by: .milliseconds(20))
      let outcome = await send.value
      #expect(outcome.failure == .timeout)
      #expect(outcome.verdict(at: HostileReceiverTests.now) == .failed(retryAfter: nil))
      fixture.sender.close()
    }
  }

  @Test @EventLoop func `a receiver that reads nothing is given up in time`() async throws {
    try await ManualClock.use {
      let receiver = try ScriptedReceiver()
      defer { receiver.stop() }
      receiver.onConnection = { $0.pauseReading() }
      let fixture = try SendingFixture()
      let request = try fixture.request(receiver, body: String(repeating: "x", count: 20_000_000))
      let send = EventLoop.spawn { await fixture.sender.send(request) }
      await receiver.wait { receiver.connections.count == 1 }
      ManualClock.advance(by: .seconds(11))
      #expect(await send.value.failure == .timeout)
      fixture.sender.close()
    }
  }

  @Test @EventLoop func `a name server that hangs is given up in time, and asked once`()
    async throws
  {
    try await ManualClock.use {
      let receiver = try ScriptedReceiver()
      defer { receiver.stop() }
      receiver.script = { $0.answer() }
      let fixture = try SendingFixture()
      fixture.names.hang()
      let request = try fixture.request(receiver)
      let sends = (0..<5).map { _ in EventLoop.spawn { await fixture.sender.send(request) } }
      let started = EventLoop.spawn {}
      await started.value
      ManualClock.advance(by: .seconds(11))
      for send in sends {
        let outcome = await send.value
        #expect(outcome.failure == .timeout)
        #expect(outcome.detail == "the host name was not resolved")
      }
      #expect(fixture.names.questions.count == 1)
      fixture.names.goOn()
      #expect(await fixture.sender.send(request).status == 200)
      fixture.sender.close()
    }
  }

  // MARK: Size

  @Test @EventLoop func `an endless chunked body is cut, and its status counts`() async throws {
    let outcome = try await send { request in
      request.connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
      let chunk = "1000\r\n" + String(repeating: "y", count: 4096) + "\r\n"
      for _ in 0..<1000 { request.connection.send(chunk) }
    }
    #expect(outcome.failure == .bodyTooLarge)
    #expect(outcome.status == 200)
    #expect(outcome.replyBody == [UInt8](repeating: UInt8(ascii: "y"), count: 1024))
    #expect(outcome.verdict(at: HostileReceiverTests.now) == .delivered)
    #expect(outcome.explanation == SendingFailure.bodyTooLarge.text)
  }

  @Test @EventLoop func `a body of 64 KiB is read, one byte more is not`() async throws {
    let limit = SendingLimits().bodyBytesMax
    let whole = try await send { $0.answer(body: String(repeating: "z", count: limit)) }
    #expect(whole.failure == nil)
    #expect(whole.status == 200)
    #expect(whole.replyBody.count == 1024)
    let larger = try await send {
      $0.answer("500 No", body: String(repeating: "z", count: limit + 1))
    }
    #expect(larger.failure == .bodyTooLarge)
    #expect(larger.status == 500)
    #expect(larger.verdict(at: HostileReceiverTests.now) == .failed(retryAfter: nil))
  }

  @Test @EventLoop func `a body that would unpack to much is not unpacked`() async throws {
    let packed = "\u{1f}not really gzip"
    let outcome = try await send { $0.answer("200 OK", ["Content-Encoding: gzip"], body: packed) }
    #expect(outcome.failure == nil)
    #expect(outcome.replyBody == Array(packed.utf8))
  }

  @Test(arguments: [
    // Too many lines, too many bytes, one line that is too long, one that libcurl itself finds too long.
    (lineCount: 101, valueByteCount: 1, isEnded: true),
    (lineCount: 17, valueByteCount: 1000, isEnded: true),
    (lineCount: 1, valueByteCount: 20_000, isEnded: true),
    (lineCount: 1, valueByteCount: 2_000_000, isEnded: false),
  ])
  @EventLoop func `a head that is too large is not read to its end`(
    lineCount: Int,
    valueByteCount: Int,
    isEnded: Bool
  ) async throws {
    let line = "X-A: " + String(repeating: "b", count: valueByteCount) + (isEnded ? "\r\n" : "")
    let lines = String(repeating: line, count: lineCount)
    let outcome = try await send { $0.connection.send("HTTP/1.1 200 OK\r\n" + lines) }
    #expect(outcome.failure == .headTooLarge)
    #expect(outcome.replyHead.count <= SendingLimits().headBytesKept)
    #expect(outcome.verdict(at: HostileReceiverTests.now) == .failed(retryAfter: nil))
  }

  @Test @EventLoop func `interim replies and trailers count as part of the head`() async throws {
    let interim = try await send { request in
      request.connection.send(
        String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", count: 1000)
      )
    }
    #expect(interim.failure == .headTooLarge)
    #expect(interim.status == nil)
    let trailers = try await send { request in
      request.connection.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
          + String(repeating: "X-A: b\r\n", count: 1000) + "\r\n"
      )
    }
    #expect(trailers.failure == .headTooLarge)
  }

  @Test @EventLoop func `an interim reply is not the reply`() async throws {
    let outcome = try await send { request in
      request.connection.send("HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n")
      request.answer("500 No")
    }
    #expect(outcome.status == 500)
    #expect(outcome.retryAfter == nil)
    #expect(String(decoding: outcome.replyHead, as: UTF8.self).hasPrefix("HTTP/1.1 500 No"))
  }

  // MARK: Endings

  @Test(arguments: [
    ("", SendingFailure.reset),
    ("HTTP/1.1 200 OK\r\nContent-Le", .reset),
    ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .reset),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", .reset),
    ("SSH-2.0-OpenSSH_9.2\r\n", .malformedReply),
    ("220 mail.example.com ESMTP\r\n", .malformedReply),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", .reset),
    ("HTTP/9.9 200 OK\r\n\r\n", .malformedReply),
  ])
  @EventLoop func `a reply that breaks off or is no HTTP is a failure`(
    reply: String,
    failure: SendingFailure
  ) async throws {
    let outcome = try await send { request in
      request.connection.send(reply)
      request.connection.closeAfterFlush()
    }
    #expect(outcome.failure == failure, "\(outcome)")
    #expect(outcome.verdict(at: HostileReceiverTests.now) == .failed(retryAfter: nil))
  }

  @Test @EventLoop func `a connection that died while it rested is replaced unnoticed`()
    async throws
  {
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    receiver.script = { $0.answer() }
    let fixture = try SendingFixture()
    for count in 1...5 {
      #expect(await fixture.sender.send(try fixture.request(receiver)).status == 200)
      #expect(receiver.connections.count == count)
      receiver.connections.last?.close()
    }
    fixture.sender.close()
  }

  @Test @EventLoop func `nobody listens`() async throws {
    let receiver = try ScriptedReceiver()
    let fixture = try SendingFixture()
    let request = try fixture.request(receiver)
    receiver.stop()
    let outcome = await fixture.sender.send(request)
    #expect(outcome.failure == .refused)
    #expect(outcome.status == nil)
    #expect(outcome.address == nil)
    #expect(outcome.explanation?.hasPrefix("No connection could be made: ") == true)
    fixture.sender.close()
  }

  @Test @EventLoop func `a name without an address`() async throws {
    let fixture = try SendingFixture()
    let url = try WebhookURL("https://nowhere.test/", policy: fixture.policy)
    let outcome = await fixture.sender.send(OutgoingRequest(url: url, headers: [], body: [1]))
    #expect(outcome.failure == .dns)
    fixture.sender.close()
  }

  // MARK: Certificates

  @Test @EventLoop func `a certificate of an authority that is not trusted is refused`()
    async throws
  {
    let receiver = try ScriptedReceiver()
    let other = try ScriptedReceiver()
    defer {
      receiver.stop()
      other.stop()
    }
    let fixture = try SendingFixture()
    let trustingOther = await fixture.sender.send(
      try fixture.request(receiver, trusting: other.authority)
    )
    #expect(trustingOther.failure == .tls)
    // The system's authorities do not know it either, and what one endpoint trusts is nothing to the next.
    let url = try WebhookURL("https://hooks.test:\(receiver.port)/", policy: fixture.policy)
    receiver.script = { $0.answer() }
    #expect(await fixture.sender.send(try fixture.request(receiver)).status == 200)
    let request = OutgoingRequest(url: url, headers: [], body: [1])
    let trustingSystem = await fixture.sender.send(request)
    #expect(trustingSystem.failure == .tls)
    #expect(trustingSystem.detail?.contains("certificate") == true)
    #expect(receiver.requests.count == 1)
    fixture.sender.close()
  }

  @Test @EventLoop func `a certificate for another name is refused`() async throws {
    let receiver = try ScriptedReceiver(names: [.dns("other.test")])
    defer { receiver.stop() }
    let fixture = try SendingFixture()
    let outcome = await fixture.sender.send(try fixture.request(receiver))
    #expect(outcome.failure == .tls)
    #expect(receiver.requests.isEmpty)
    fixture.sender.close()
  }

  @Test @EventLoop func `a receiver that speaks no TLS gets nothing`() async throws {
    let receiver = try ScriptedReceiver(names: [])
    defer { receiver.stop() }
    receiver.onConnection = { $0.send("HTTP/1.1 200 OK\r\n\r\n") }
    let fixture = try SendingFixture()
    let url = try WebhookURL("https://hooks.test:\(receiver.port)/", policy: fixture.policy)
    let outcome = await fixture.sender.send(OutgoingRequest(url: url, headers: [], body: [1]))
    #expect(outcome.failure == .tls)
    #expect(receiver.requests.isEmpty)
    fixture.sender.close()
  }

  // MARK: Giving up

  @Test @EventLoop func `a request is cancelled in flight`() async throws {
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    let fixture = try SendingFixture()
    let request = try fixture.request(receiver)
    let send = EventLoop.spawn { await fixture.sender.send(request) }
    await receiver.wait { receiver.requests.count == 1 }
    send.cancel()
    let outcome = await send.value
    #expect(outcome.failure == .cancelled)
    #expect(outcome.verdict(at: HostileReceiverTests.now) == .undecided)
    await receiver.wait { receiver.openCount == 0 }
    receiver.script = { $0.answer() }
    #expect(await fixture.sender.send(request).status == 200)
    fixture.sender.close()
  }

  @Test @EventLoop func `a request is cancelled before it began, and while it waits`() async throws
  {
    var limits = SendingLimits()
    limits.concurrentMax = 1
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    let fixture = try SendingFixture(limits: limits)
    let request = try fixture.request(receiver)
    let first = EventLoop.spawn { await fixture.sender.send(request) }
    await receiver.wait { receiver.requests.count == 1 }
    let second = EventLoop.spawn { await fixture.sender.send(request) }
    let third = EventLoop.spawn { await fixture.sender.send(request) }
    third.cancel()
    #expect(await third.value.failure == .cancelled)
    second.cancel()
    #expect(await second.value.failure == .cancelled)
    receiver.script = { $0.answer() }
    receiver.requests[0].answer()
    #expect(await first.value.status == 200)
    #expect(receiver.requests.count == 1)
    #expect(await fixture.sender.send(request).status == 200)
    fixture.sender.close()
  }

  @Test @EventLoop func `closing gives up all, and nothing is sent afterwards`() async throws {
    var limits = SendingLimits()
    limits.concurrentMax = 3
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    let fixture = try SendingFixture(limits: limits)
    let request = try fixture.request(receiver)
    let sends = (0..<10).map { _ in EventLoop.spawn { await fixture.sender.send(request) } }
    await receiver.wait { receiver.requests.count == 3 }
    fixture.sender.close()
    for send in sends { #expect(await send.value.failure == .cancelled) }
    #expect(await fixture.sender.send(request).failure == .cancelled)
    await receiver.wait { receiver.openCount == 0 }
    #expect(receiver.requests.count == 3)
  }
}
