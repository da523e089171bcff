import Cryptography
import EventLoop
import Faults
import HTTP
import Logging
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import TestMessages
import TestStubs
import Testing

@testable import GatewayService

/// A gateway before a service with every kind of REST face, which it calls over mutual TLS.
@EventLoop
final class DepotFixture {
  nonisolated static let account = "0d0b6c52-7a39-4d0e-9f6b-1f7d2f0a9c11"
  nonisolated static let licenseKey = "ATL-7QF2-M9XK-T4RD-W8HB"

  /// Full access.
  let key = APIKey.generate(.test)
  /// Another key that may do the same.
  let otherKey = APIKey.generate(.test)
  /// May only read.
  let readingKey = APIKey.generate(.test)
  nonisolated static let user = "0d0b6c52-7a39-4d0e-9f6b-1f7d2f0a9c12"
  nonisolated static let sessionID = "0d0b6c52-7a39-4d0e-9f6b-1f7d2f0a9c13"

  /// The token of a user's session, who may only read what is live.
  let session = OpaqueToken.generate()
  /// What the token is exchanged for.
  let successor = OpaqueToken.generate()
  var hasSessionEnded = false
  var isRotationDue = false
  var rotationFault: Fault?
  private(set) var rotations = 0
  let service = DepotServer()
  /// The time by which buckets are filled; stands still.
  var now = Instant(nanoseconds: 1_000_000_000_000)
  /// What the keys service was asked.
  private(set) var authentications = 0
  private var made: Gateway?

  var gateway: Gateway {
    get throws { try #require(made) }
  }

  /// Runs a test with a fixture of its own, where clients are held to limits or, without any, are not.
  static func use(
    rateLimits: RateLimits? = nil,
    _ body: @EventLoop @Sendable (DepotFixture) async throws -> Void
  ) async throws {
    let fixture = DepotFixture()
    try await ServedRPC.with("depot") { server in
      fixture.service.register(on: server)
      server.register(KeysMethods.serviceName, [fixture.authenticate], files: [])
      server.register(
        UsersMethods.serviceName,
        [fixture.authenticateSession, fixture.rotateSession],
        files: []
      )
    } body: { served in
      let channel = try served.channel(as: "gateway")
      fixture.made = Gateway(
        Routes.all,
        channels: [DepotMethods.serviceName: channel],
        keys: channel,
        rateLimiter: rateLimits.map { limits in
          RateLimiter(
            limits,
            now: { fixture.now },
            clock: { Timestamp(milliseconds: fixture.now.nanoseconds / 1_000_000) }
          )
        },
        log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      )
      try await body(fixture)
    }
  }

  private var authenticate: Method {
    .unary(KeysMethods.authenticateApiKey) {
      [self] (request: AuthenticateApiKeyRequest, _) async throws(Fault) in
      authentications += 1
      let scopes: [String]
      switch request.sha256 {
      case key.hash, otherKey.hash: scopes = ["*"]
      case readingKey.hash: scopes = ["depot:read"]
      default: return AuthenticateApiKeyResponse(verdict: .unknown)
      }
      return AuthenticateApiKeyResponse(
        verdict: .valid,
        accountId: Self.account,
        environment: .test,
        apiKeyId: request.sha256 == otherKey.hash ? Self.user : Self.account,
        scopes: scopes
      )
    }
  }

  private var authenticateSession: Method {
    .unary(UsersMethods.authenticateSession) {
      [self] (request: AuthenticateSessionRequest, _) async throws(Fault) in
      authentications += 1
      guard !hasSessionEnded, request.sha256 == session.hash || request.sha256 == successor.hash
      else { return AuthenticateSessionResponse(good: false) }
      return AuthenticateSessionResponse(
        good: true,
        accountId: Self.account,
        userId: Self.user,
        sessionId: Self.sessionID,
        testScopes: ["depot:read", "depot:write"],
        liveScopes: ["depot:read"],
        rotationDue: isRotationDue && request.sha256 == session.hash
      )
    }
  }

  private var rotateSession: Method {
    .unary(UsersMethods.rotateSession) {
      [self] (request: RotateSessionRequest, _) async throws(Fault) in
      rotations += 1
      if let rotationFault { throw rotationFault }
      return RotateSessionResponse(token: rotations == 1 ? successor.text : nil)
    }
  }

  /// The cookie that brings a session.
  func cookie(_ token: OpaqueToken) -> (String, String) {
    ("cookie", "__Host-latchkey-session=\(token.text)")
  }

  /// Sends a request and waits for the answer; a body brings its content type.
  func send(
    _ method: String,
    _ target: String,
    _ body: String = "",
    _ fields: [(String, String)] = [],
    from address: String = "203.0.113.9"
  ) async throws -> RecordedStream {
    let gateway = try gateway
    let json = body.isEmpty ? [] : [("content-type", "application/json")]
    let stream = RecordedStream(method, target, fields + json)
    stream.origin = RequestOrigin(
      address: SocketAddress(ip: address, port: 4_711),
      identity: nil,
      isSecure: true
    )
    stream.arrive(Array(body.utf8), isLast: true)
    gateway.receivedHead(stream)
    await stream.answered()
    gateway.closed(stream)
    return stream
  }

  /// The field that brings an API key.
  func bearing(_ key: APIKey) -> (String, String) { ("authorization", "Bearer \(key.text)") }
}

/// The service: it counts, and a test decides the rest.
@EventLoop
final class DepotServer: DepotService {
  /// Who called, in order.
  private(set) var callers: [Caller] = []
  /// What unary calls answer; nil refuses the license key that was brought.
  var answer: @EventLoop (Call) throws(Fault) -> Void = { _ throws(Fault) in }
  /// Reads what is loaded; by default all of it.
  var load: (@EventLoop (RequestReader<LoadRequest>) async throws(Fault) -> LoadResponse)?
  /// Sends what is dumped; by default as many bytes as were asked for.
  var dump: (@EventLoop (DumpRequest, ResponseWriter<DumpResponse>) async throws(Fault) -> Void)?
  /// Bytes of the chunks that were sent.
  private(set) var dumpedBytes = 0
  /// Opens when a dump or a load has come to its end, in whichever way.
  let over = Gate()

  private func serve(_ name: String, _ call: Call) throws(Fault) -> Item {
    if let caller = call.caller { callers.append(caller) }
    try answer(call)
    return Item(name: name)
  }

  func check(_ request: CheckRequest, _ call: Call) async throws(Fault) -> Item {
    try serve("checked", call)
  }

  func put(_ request: PutRequest, _ call: Call) async throws(Fault) -> Item {
    try serve(request.name, call)
  }

  func touch(_ request: TouchRequest, _ call: Call) async throws(Fault) -> Item {
    try serve(request.name, call)
  }

  func change(_ request: ChangeRequest, _ call: Call) async throws(Fault) -> Item {
    try serve(request.name, call)
  }

  func enter(_ request: EnterRequest, _ call: Call) async throws(Fault) -> Item {
    try serve(request.name, call)
  }

  func inspect(_ request: InspectRequest, _ call: Call) async throws(Fault) -> Item {
    try serve("inspected", call)
  }

  func leave(_ request: LeaveRequest, _ call: Call) async throws(Fault) -> Item {
    try serve("left", call)
  }

  func load(_ requests: RequestReader<LoadRequest>, _ call: Call) async throws(Fault)
    -> LoadResponse
  {
    defer { over.open() }
    if let caller = call.caller { callers.append(caller) }
    if let load { return try await load(requests) }
    var response = LoadResponse(shelf: "", bytes: 0)
    while let request = try await requests.next() {
      response.shelf = request.shelf
      response.dry = request.dry
      response.bytes += Int64(request.lines?.count ?? 0)
    }
    return response
  }

  func dump(
    _ request: DumpRequest,
    _ responses: ResponseWriter<DumpResponse>,
    _ call: Call
  ) async throws(Fault) {
    defer { over.open() }
    if let dump { return try await dump(request, responses) }
    var left = Int(request.bytes)
    while left > 0 {
      let count = min(left, 10_000)
      try await responses.write(DumpResponse(lines: Self.bytes(from: dumpedBytes, count: count)))
      dumpedBytes += count
      left -= count
    }
  }

  /// What a dump says at a place, so that a lost or doubled piece shows.
  nonisolated static func bytes(from start: Int, count: Int) -> [UInt8] {
    (start..<(start + count)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  }
}

/// Holds a task up until a test lets it go on.
@EventLoop
final class Gate {
  private(set) var isOpen = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func open() {
    isOpen = true
    for waiter in waiting { waiter.resume() }
    waiting = []
  }

  func opened() async {
    if isOpen { return }
    await withCheckedContinuation { waiting.append($0) }
  }
}
