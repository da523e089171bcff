import Cryptography
import EventLoop
import Glibc
import Primitives
import TestKit
import Testing

@testable import WebhooksSending

/// Deliveries to receivers that behave.
@Suite(.onLoop, .serialized, .timeLimit(.minutes(1))) struct HTTPSenderTests {
  private static let now = Timestamp(milliseconds: 1_790_000_000_000)

  @Test @EventLoop func `a request arrives as it was given, and the reply comes back`() async throws
  {
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    receiver.script = { $0.answer("201 Created", ["X-Reply: yes"], body: "taken") }
    let fixture = try SendingFixture()
    let request = try fixture.request(
      receiver,
      path: "/a/../hook?token=1%2F2",
      headers: [
        HeaderField("Content-Type", "application/json"), HeaderField("webhook-id", "evt_1"),
      ],
      body: "{\"text\":\"ü\u{0}\"}"
    )
    let outcome = await fixture.sender.send(request)
    #expect(outcome.status == 201)
    #expect(outcome.failure == nil)
    #expect(outcome.explanation == nil)
    #expect(String(decoding: outcome.replyBody, as: UTF8.self) == "taken")
    #expect(
      String(decoding: outcome.replyHead, as: UTF8.self)
        == "HTTP/1.1 201 Created\r\nX-Reply: yes\r\nContent-Length: 5\r\n\r\n"
    )
    #expect(outcome.address == IPAddress("127.0.0.1"))
    #expect(outcome.httpVersion == "1.1")
    #expect(outcome.duration > .zero && outcome.duration < .seconds(10))
    #expect(outcome.verdict(at: HTTPSenderTests.now) == .delivered)

    let received = try #require(receiver.requests.first)
    #expect(received.body == request.body)
    #expect(
      received.head.split(separator: "\r\n").map(String.init).sorted() == [
        "Accept: */*", "Content-Length: \(request.body.count)", "Content-Type: application/json",
        "Host: hooks.test:\(receiver.port)", "POST /a/../hook?token=1%2F2 HTTP/1.1",
        "User-Agent: Latchkey-Webhooks/1", "webhook-id: evt_1",
      ]
    )
    fixture.sender.close()
  }

  @Test @EventLoop func `one connection and one handle serve one delivery after the other`()
    async throws
  {
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    receiver.script = { $0.answer(body: "\($0.body.count)") }
    let fixture = try SendingFixture()
    for size in [0, 1, 10_000, 3, 400_000, 17] {
      let body = String(repeating: "x", count: size)
      let outcome = await fixture.sender.send(try fixture.request(receiver, body: body))
      #expect(outcome.status == 200)
      #expect(String(decoding: outcome.replyBody, as: UTF8.self) == "\(size)")
      #expect(receiver.requests.last?.body == Array(body.utf8))
    }
    #expect(receiver.connections.count == 1)
    #expect(fixture.names.questions == ["hooks.test"])
    fixture.sender.close()
  }

  @Test @EventLoop func `nothing of one delivery is left in the next`() async throws {
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    let fixture = try SendingFixture()
    receiver.script = {
      $0.answer("503 Busy", ["Retry-After: 7", "Set-Cookie: a=b", "X-First: 1"], body: "first")
    }
    let first = await fixture.sender.send(
      try fixture.request(receiver, headers: [HeaderField("X-Once", "1")])
    )
    #expect(first.verdict(at: HTTPSenderTests.now) == .failed(retryAfter: .seconds(7)))
    receiver.script = { $0.answer("500 No") }
    let second = await fixture.sender.send(try fixture.request(receiver))
    #expect(second.status == 500)
    #expect(second.retryAfter == nil)
    #expect(second.replyBody.isEmpty)
    #expect(!String(decoding: second.replyHead, as: UTF8.self).contains("X-First"))
    #expect(receiver.requests[1].value("x-once") == nil)
    #expect(receiver.requests[1].value("cookie") == nil)
    fixture.sender.close()
  }

  @Test(arguments: [
    "301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect",
    "308 Permanent Redirect",
  ])
  @EventLoop func `a redirect is not followed`(status: String) async throws {
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    receiver.script = {
      $0.answer(status, ["Location: http://169.254.169.254/latest/meta-data/"], body: "there")
    }
    let fixture = try SendingFixture()
    let outcome = await fixture.sender.send(try fixture.request(receiver))
    #expect(outcome.status == Int(status.prefix(3)))
    #expect(outcome.verdict(at: HTTPSenderTests.now) == .failed(retryAfter: nil))
    #expect(outcome.explanation?.contains("redirects are not followed") == true)
    #expect(receiver.requests.count == 1)
    fixture.sender.close()
  }

  @Test @EventLoop func `a redirect to the receiver itself is not followed either`() async throws {
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    receiver.script = { $0.answer("307 Temporary Redirect", ["Location: /again"]) }
    let fixture = try SendingFixture()
    #expect(await fixture.sender.send(try fixture.request(receiver)).status == 307)
    #expect(receiver.requests.count == 1)
    fixture.sender.close()
  }

  @Test @EventLoop func `no more requests are under way than the limit says, and none is lost`()
    async throws
  {
    var limits = SendingLimits()
    limits.concurrentMax = 4
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    let fixture = try SendingFixture(limits: limits)
    let request = try fixture.request(receiver)
    let sends = (0..<20).map { _ in EventLoop.spawn { await fixture.sender.send(request).status } }
    await receiver.wait { receiver.requests.count == 4 }
    #expect(fixture.sender.underWayCount == 4)
    #expect(fixture.sender.waitingCount == 16)
    #expect(receiver.requests.count == 4)
    receiver.script = { $0.answer() }
    for request in receiver.requests { request.answer() }
    for send in sends { #expect(await send.value == 200) }
    #expect(receiver.requests.count == 20)
    #expect(receiver.connections.count <= 4)
    #expect(fixture.sender.underWayCount == 0)
    #expect(fixture.sender.waitingCount == 0)
    fixture.sender.close()
  }

  @Test @EventLoop func `a receiver that hangs does not delay another`() async throws {
    let hanging = try ScriptedReceiver()
    let quick = try ScriptedReceiver()
    defer {
      hanging.stop()
      quick.stop()
    }
    quick.script = { $0.answer() }
    let fixture = try SendingFixture()
    let request = try fixture.request(hanging)
    for _ in 0..<100 { EventLoop.spawn { _ = await fixture.sender.send(request) } }
    await hanging.wait { hanging.requests.count == 100 }
    for _ in 0..<20 {
      let outcome = await fixture.sender.send(try fixture.request(quick))
      #expect(outcome.status == 200)
      #expect(outcome.duration < .seconds(2))
    }
    #expect(fixture.sender.underWayCount == 100)
    fixture.sender.close()
  }

  @Test @EventLoop func `without a socket left a delivery says nothing about its receiver`()
    async throws
  {
    let first = try ScriptedReceiver(names: [])
    let second = try ScriptedReceiver(names: [])
    defer {
      first.stop()
      second.stop()
    }
    first.script = { $0.answer() }
    second.script = { $0.answer() }
    let fixture = try SendingFixture()
    // What a sender opens for itself is open by now.
    #expect(await fixture.sender.send(try fixture.request(first)).status == 200)
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    getrlimit(kind, &limit)
    var none = limit
    none.rlim_cur = 0
    let request = try fixture.request(second)
    setrlimit(kind, &none)
    let outcome = await fixture.sender.send(request)
    setrlimit(kind, &limit)
    #expect(outcome.failure == .internalError)
    #expect(outcome.verdict(at: HTTPSenderTests.now) == .undecided)
    #expect(await fixture.sender.send(try fixture.request(second)).status == 200)
    fixture.sender.close()
  }

  @Test @EventLoop func `a delivery leaves the loop's thread for nothing`() async throws {
    let receiver = try ScriptedReceiver()
    defer { receiver.stop() }
    receiver.script = { $0.answer() }
    let fixture = try SendingFixture()
    let request = try fixture.request(receiver)
    _ = await fixture.sender.send(request)
    let before = EventLoop.foreignEnqueueCount
    await EventLoop.spawn {
      for _ in 0..<50 { #expect(await fixture.sender.send(request).status == 200) }
    }
    .value
    #expect(EventLoop.foreignEnqueueCount - before <= 1)
    fixture.sender.close()
  }

  @Test @EventLoop func `an address is called as it is`() async throws {
    for (ip, host) in [("127.0.0.1", "0x7f.1"), ("::1", "[0:0::1]")] {
      let receiver = try ScriptedReceiver(names: [.ip(ip)], ip: ip)
      defer { receiver.stop() }
      receiver.script = { $0.answer() }
      let fixture = try SendingFixture()
      let outcome = await fixture.sender.send(try fixture.request(receiver, host: host))
      #expect(outcome.status == 200, "\(outcome)")
      #expect(outcome.address == IPAddress(ip))
      #expect(fixture.names.questions.isEmpty)
      fixture.sender.close()
    }
  }

  @Test @EventLoop func `of several addresses one that answers is enough`() async throws {
    let receiver = try ScriptedReceiver(ip: "127.0.0.1")
    defer { receiver.stop() }
    receiver.script = { $0.answer() }
    let fixture = try SendingFixture()
    // Nobody listens at the first ones.
    fixture.names.set("hooks.test", ["::1", "127.0.0.2", "127.0.0.1"])
    let outcome = await fixture.sender.send(try fixture.request(receiver))
    #expect(outcome.status == 200)
    #expect(outcome.address == IPAddress("127.0.0.1"))
    fixture.sender.close()
  }
}
