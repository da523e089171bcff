import Cryptography
import EventLoop
import HTTP
import TLS
import TestKit
import Testing

@testable import WebhooksSending

/// Deliveries to a receiver that speaks HTTP/2.
@Suite(.onLoop, .serialized, .timeLimit(.minutes(1))) struct HTTP2Tests {
  /// Answers once a test says so.
  @EventLoop final class Receiver: RequestHandler {
    private(set) var heads: [RequestHead] = []
    private(set) var bodies: [[UInt8]] = []
    private(set) var closedCount = 0
    /// Streams that the sender gave up before they were answered.
    private(set) var resetCount = 0
    private(set) var open: [any ServerStream] = []
    private(set) var peers: Set<String> = []
    var answersAtOnce = true
    /// What is answered in place of 200 and no body.
    var answer: @EventLoop (any ServerStream) -> Void = { stream in
      stream.sendHead(status: 200, HeaderFields(), isEnd: true)
    }
    private var waiters: [(condition: () -> Bool, done: CheckedContinuation<Void, Never>)] = []

    func receivedHead(_ stream: any ServerStream) {
      heads.append(stream.request)
      peers.insert(stream.origin.address?.description ?? "")
    }

    func receivedBody(_ stream: any ServerStream) {
      guard stream.isRequestComplete else {
        stream.acknowledgeReceived()
        return
      }
      bodies.append(stream.takeReceived())
      if answersAtOnce { answer(stream) } else { open.append(stream) }
      settle()
    }

    func drained(_ stream: any ServerStream) {}

    func closed(_ stream: any ServerStream) {
      closedCount += 1
      if let index = open.firstIndex(where: { $0 === stream }) {
        open.remove(at: index)
        resetCount += 1
      }
      settle()
    }

    func answerOpen() {
      let streams = open
      open = []
      for stream in streams { answer(stream) }
    }

    func wait(until condition: @escaping @EventLoop () -> Bool) async {
      if condition() { return }
      await withCheckedContinuation { waiters.append(({ condition() }, $0)) }
    }

    private func settle() {
      let before = waiters
      waiters = []
      for waiter in before {
        if waiter.condition() { waiter.done.resume() } else { waiters.append(waiter) }
      }
    }
  }

  /// A receiver, a sender, and a request from one to the other.
  @EventLoop struct Pair {
    let receiver = Receiver()
    let server: HTTPServer
    let fixture: SendingFixture
    let request: OutgoingRequest

    init(body: String = "{}") throws {
      let authority = try CertificateAuthority.make(commonName: "Test authority")
      let issued = try authority.issue(
        commonName: "receiver",
        names: [.dns("hooks.test")],
        usage: .server
      )
      server = HTTPServer(
        handler: receiver,
        tls: try TLSContext(
          .server(
            identity: TLSIdentity(
              certificateChain: issued.chainPEM,
              privateKey: issued.privateKeyPEM
            ),
            applicationProtocols: ["h2", "http/1.1"]
          )
        )
      )
      let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
      server.serve(listener)
      fixture = try SendingFixture()
      request = OutgoingRequest(
        url: try WebhookURL(
          "https://hooks.test:\(listener.address.port)/hook?x=1",
          policy: fixture.policy
        ),
        headers: [HeaderField("Content-Type", "application/json"), HeaderField("X-One", "1")],
        body: Array(body.utf8),
        authorities: try TrustedAuthorities(
          pem: String(decoding: authority.certificatePEM, as: UTF8.self)
        )
      )
    }

    func stop() async {
      fixture.sender.close()
      await server.drain(timeout: .seconds(1))
    }
  }

  @Test @EventLoop func `a burst shares one connection`() async throws {
    let pair = try Pair(body: "{\"text\":\"ü\"}")
    pair.receiver.answersAtOnce = false
    let sends = (0..<60).map { _ in
      EventLoop.spawn { await pair.fixture.sender.send(pair.request) }
    }
    await pair.receiver.wait { pair.receiver.open.count == 60 }
    pair.receiver.answerOpen()
    for send in sends {
      let outcome = await send.value
      #expect(outcome.status == 200)
      #expect(outcome.failure == nil)
      #expect(outcome.httpVersion == "2")
      #expect(outcome.address == IPAddress("127.0.0.1"))
    }
    #expect(pair.receiver.peers.count == 1)
    #expect(Set(pair.receiver.bodies) == [pair.request.body])
    let head = try #require(pair.receiver.heads.first)
    #expect(String(decoding: head.target, as: UTF8.self) == "/hook?x=1")
    #expect(head.fields["content-type"] == "application/json")
    #expect(head.fields["x-one"] == "1")
    await pair.stop()
  }

  /// libcurl 7.88 resets the stream with the next bytes that it sends on the connection.
  @Test @EventLoop func `a cancelled request resets its stream and leaves the others alone`()
    async throws
  {
    let pair = try Pair()
    pair.receiver.answersAtOnce = false
    let first = EventLoop.spawn { await pair.fixture.sender.send(pair.request) }
    await pair.receiver.wait { pair.receiver.open.count == 1 }
    let second = EventLoop.spawn { await pair.fixture.sender.send(pair.request) }
    await pair.receiver.wait { pair.receiver.open.count == 2 }
    first.cancel()
    #expect(await first.value.failure == .cancelled)
    let third = EventLoop.spawn { await pair.fixture.sender.send(pair.request) }
    await pair.receiver.wait { pair.receiver.bodies.count == 3 }
    #expect(pair.receiver.resetCount == 1)
    #expect(pair.receiver.open.count == 2)
    pair.receiver.answerOpen()
    #expect(await second.value.status == 200)
    #expect(await third.value.status == 200)
    #expect(pair.receiver.peers.count == 1)
    await pair.stop()
  }

  /// More of them than the receiver allows streams at a time: those that were given up must not count.
  @Test @EventLoop func `requests that were given up do not fill the connection`() async throws {
    let pair = try Pair()
    pair.receiver.answersAtOnce = false
    for count in 1...3 {
      let sends = (0..<60).map { _ in
        EventLoop.spawn { await pair.fixture.sender.send(pair.request) }
      }
      await pair.receiver.wait { pair.receiver.bodies.count == 60 * count }
      for send in sends { send.cancel() }
      for send in sends { #expect(await send.value.failure == .cancelled) }
    }
    pair.receiver.answersAtOnce = true
    #expect(await pair.fixture.sender.send(pair.request).status == 200)
    #expect(pair.receiver.resetCount == 180)
    await pair.stop()
  }

  @Test @EventLoop func `an endless body is cut, and its connection serves on`() async throws {
    let pair = try Pair()
    pair.receiver.answer = { stream in
      stream.sendHead(status: 202, HeaderFields(), isEnd: false)
      stream.sendBody { $0 += [UInt8](repeating: UInt8(ascii: "y"), count: 1_000_000) }
    }
    let cut = await pair.fixture.sender.send(pair.request)
    #expect(cut.failure == .bodyTooLarge)
    #expect(cut.status == 202)
    #expect(cut.replyBody.count == 1024)
    pair.receiver.answer = { $0.sendHead(status: 204, HeaderFields(), isEnd: true) }
    #expect(await pair.fixture.sender.send(pair.request).status == 204)
    await pair.stop()
  }

  @Test @EventLoop func `a head that is too large is refused`() async throws {
    let pair = try Pair()
    pair.receiver.answer = { stream in
      var fields = HeaderFields()
      for index in 0..<150 { fields.append("x-many", "\(index)") }
      stream.sendHead(status: 200, fields, isEnd: true)
    }
    #expect(await pair.fixture.sender.send(pair.request).failure == .headTooLarge)
    await pair.stop()
  }

  @Test @EventLoop func `a stream that the receiver resets is a failure`() async throws {
    let pair = try Pair()
    pair.receiver.answer = { $0.reset(.internalError) }
    #expect(await pair.fixture.sender.send(pair.request).failure == .reset)
    pair.receiver.answer = { stream in
      stream.sendHead(status: 200, HeaderFields(), isEnd: false)
      stream.sendBody { $0 += "half".utf8 }
      stream.reset(.internalError)
    }
    #expect(await pair.fixture.sender.send(pair.request).failure == .reset)
    await pair.stop()
  }

  @Test @EventLoop func `a receiver that hangs over HTTP/2 is given up after ten seconds`()
    async throws
  {
    try await ManualClock.use {
      let pair = try Pair()
      pair.receiver.answersAtOnce = false
      let send = EventLoop.spawn { await pair.fixture.sender.send(pair.request) }
      await pair.receiver.wait { pair.receiver.open.count == 1 }
      ManualClock.advance(by: .milliseconds(9_990))
      #expect(pair.fixture.sender.underWayCount == 1)
      ManualClock.advance(by: .milliseconds(20))
      #expect(await send.value.failure == .timeout)
      #expect(pair.fixture.sender.underWayCount == 0)
      await pair.stop()
    }
  }
}
