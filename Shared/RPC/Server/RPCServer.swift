public import EventLoop
public import Faults
internal import HTTP
internal import Messages
internal import Metrics
internal import Primitives
public import Protobuf
public import TLS
public import Tracing

/// Serves methods over the gRPC wire protocol.
///
/// Source: gRPC, `doc/PROTOCOL-HTTP2.md`.
@EventLoop
public final class RPCServer {
  /// What a stream may hold unsent before its writer waits.
  static let outputHighWater = HTTP2Stream.outputHighWater

  /// The largest message that a client or server takes, in bytes.
  public static let messageBytesMax = MessageFraming.messageBytesMax

  /// Who may call, and whose word about the caller is taken.
  public enum Access: Sendable {
    /// Peers show certificates; each method lists who may call it. `tellsCaller` are the identities whose
    /// `latchkey-caller-bin` is believed.
    case identities(tellsCaller: Set<String>)
    /// Anybody may call anything: plaintext servers in tests.
    case open
  }

  private let access: Access
  private var methods: [[UInt8]: Method] = [:]
  private var lastFound: (target: [UInt8], method: Method)?
  /// The callers of calls before, as metadata and on trunks.
  private var lastCaller = LastCaller()
  private var lastTrunkCaller = LastCaller()
  /// Trunks by the connection that they are on.
  private var trunkCounts: [ObjectIdentifier: Int] = [:]
  private var services: Set<String> = []
  private var http: HTTPServer?
  /// Answers grpc.health.v1; says not serving until told otherwise.
  public let health = HealthService()
  private let reflection = ReflectionService()
  private var dispatcher: Dispatcher?
  /// Counts the calls that were refused before they began.
  let refused = CallCounts()
  /// Records the calls that come with a trace; nil records none.
  ///
  /// Set before ``serve(_:tls:)``, as the next one.
  public var tracer: Tracer?
  /// Told when a call is over, with its code, for logs.
  public var onCallEnded: (@EventLoop (Call, _ code: Int32) -> Void)?

  /// Every method that is served.
  var allMethods: [Method] {
    methods.values.sorted { $0.descriptor.path < $1.descriptor.path }
  }

  /// Makes a server that serves nothing but health and reflection.
  public init(access: Access) {
    self.access = access
    register("grpc.health.v1.Health", health.methods, files: [])
    for name in [ReflectionService.names.v1, ReflectionService.names.v1alpha] {
      register(name, reflection.methods(name), files: [])
    }
    register(
      "latchkey.rpc.v1.Trunk",
      [.trunk(on: self)],
      files: MessagesFiles.all.closure(of: "latchkey/rpc/trunk.proto")
    )
    reflection.add(MessagesFiles.all.filter { $0.name.hasPrefix("grpc/") })
  }

  /// Adds a service.
  ///
  /// - Parameters:
  ///   - name: The full name, `package.Service`.
  ///   - methods: What it can be asked.
  ///   - files: The file that declares it, and all that it imports.
  public func register(_ name: String, _ methods: [Method], files: [FileDescriptor]) {
    precondition(services.insert(name).inserted, "\(name) is registered twice")
    for method in methods { self.methods[Array(method.descriptor.path.utf8)] = method }
    reflection.add(service: name)
    reflection.add(files)
    health.add(service: name)
  }

  /// Serves a listener's connections until ``drain(timeout:)``.
  ///
  /// - Parameters:
  ///   - listener: Where peers connect.
  ///   - tls: Mutual TLS; nil serves plaintext, which only tests do.
  public func serve(_ listener: Listener, tls: TLSContext?) {
    var limits = HTTPLimits()
    // Streams may rest: they have deadlines. Connections between services stay.
    limits.bodyTimeout = nil
    limits.bodyTotalTimeout = nil
    limits.idleTimeout = .seconds(600)
    limits.streamsMax = 1024
    let dispatcher = Dispatcher(self)
    self.dispatcher = dispatcher
    let http = HTTPServer(handler: dispatcher, limits: limits, tls: tls, speaksHTTP1: false)
    http.onFailure = onConnectionFailure
    self.http = http
    http.serve(listener)
  }

  /// Told of each connection that failed in its handshake, for a log line.
  ///
  /// Set before ``serve(_:tls:)``.
  public var onConnectionFailure: (@EventLoop (Fault) -> Void)?

  /// Says that the server is not healthy, stops listening, lets the open calls end, and cancels what is left after `timeout`.
  public func drain(timeout: Duration) async {
    health.shutDown()
    await http?.drain(timeout: timeout)
    http = nil
  }

  /// Tells of connections.
  func collectConnections(into exposition: inout Exposition) {
    http?.collect(into: &exposition, as: "rpc")
  }

  // MARK: Trunks

  /// Counts a trunk of a connection; false when the connection has enough of them.
  func addTrunk(on connection: ObjectIdentifier) -> Bool {
    guard trunkCounts[connection, default: 0] < ServerTrunk.countPerConnectionMax else {
      return false
    }
    trunkCounts[connection, default: 0] += 1
    return true
  }

  /// A trunk that was counted is no more.
  func removeTrunk(on connection: ObjectIdentifier) {
    let left = trunkCounts[connection, default: 1] - 1
    trunkCounts[connection] = left > 0 ? left : nil
  }

  // MARK: A call begins

  /// The request comes along, as fetching it from the stream counts a reference for each of its parts.
  func begin(
    _ stream: any ServerStream,
    _ request: RequestHead
  ) throws(Fault) -> Call {
    let origin = stream.origin
    let fields = request.fields
    guard !request.isTooLarge else {
      throw Fault(
        .resourceExhausted,
        "The call's metadata is over the limit of \(HTTPLimits().headerBytesMax) bytes"
      )
    }
    let method = try request.target.withUnsafeBufferPointer { target throws(Fault) in
      try find(UnsafeRawBufferPointer(target))
    }
    if let encoding = fields.bytes(of: "grpc-encoding"), !encoding.elementsEqual("identity".utf8) {
      throw Fault(.unimplemented, "Messages are only accepted with grpc-encoding identity")
    }
    let descriptor = method.descriptor
    var timeout = descriptor.timeoutNanoseconds
    if let text = fields.bytes(of: "grpc-timeout") {
      guard let given = Timeout.parse(text) else {
        throw Fault(.internalError, "The grpc-timeout field is malformed")
      }
      timeout = min(given, Timeout.max).nanoseconds
    }
    let call = Call(
      method: descriptor,
      stream: stream,
      begun: stream.openedAt,
      deadline: Instant(nanoseconds: stream.openedAt.nanoseconds + timeout),
      peerIdentity: origin.identity,
      caller: try caller(fields, saidBy: origin.identity)
    )
    try admit(call, to: method, after: fields.traceContext)
    method.start(call)
    return call
  }

  /// Lets a call begin whose peer and caller may call the method; what is carried, and not the stream that carries it, is
  /// counted and recorded.
  private func admit(
    _ call: Call,
    to method: Method,
    after context: @autoclosure () -> TraceContext?
  ) throws(Fault) {
    try checkAccess(method.descriptor, call.peerIdentity)
    if case .identities = access { try call.checkScope() }
    guard let counts = method.counts else { return }
    call.begin(counts, span(of: call, after: context()), onCallEnded)
  }

  /// What is recorded of a call, where the process that calls says that it records it.
  private func span(of call: Call, after context: @autoclosure () -> TraceContext?) -> Span? {
    guard let tracer, let context = context() else { return nil }
    let (service, method) = call.method.parts
    let span = tracer.beginCall("\(service)/\(method)", after: context)
    span?.note("rpc.system", "grpc")
    span?.note("rpc.service", service)
    span?.note("rpc.method", method)
    if let account = call.caller?.accountId { span?.note("latchkey.account", account) }
    return span
  }

  /// Makes a call that has come on a trunk, and gives what serves it.
  func begin(
    _ record: TrunkCallRecord,
    in bytes: [UInt8],
    on carrier: Call,
    _ seat: TrunkSeat,
    at now: Instant
  ) throws(Fault) -> (Call, Method.Serve) {
    let method = try bytes.withUnsafeBufferPointer { bytes throws(Fault) in
      try find(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[record.path]))
    }
    guard let serve = method.serve else {
      throw Fault(.unimplemented, "A trunk carries unary calls only")
    }
    let descriptor = method.descriptor
    let timeout = record.milliseconds.map { milliseconds in
      Int64(clamping: min(milliseconds, UInt64(Timeout.max.components.seconds) * 1000)) * 1_000_000
    }
    let call = Call(
      method: descriptor,
      stream: carrier.stream,
      begun: now,
      deadline: Instant(
        nanoseconds: now.nanoseconds + (timeout ?? descriptor.timeoutNanoseconds)
      ),
      peerIdentity: carrier.peerIdentity,
      caller: try caller(bytes, record.caller, saidBy: carrier.peerIdentity),
      seat: seat
    )
    try admit(call, to: method, after: record.traceContext(in: bytes))
    return (call, serve)
  }

  /// Most calls of a busy server are of one method, so the last one is tried before the table.
  private func find(_ target: UnsafeRawBufferPointer) throws(Fault) -> Method {
    if let lastFound, lastFound.target.isEqual(to: target) { return lastFound.method }
    let target = Array(target)
    guard let method = methods[target] else { throw unknown(target) }
    lastFound = (target, method)
    return method
  }

  private func checkAccess(_ method: MethodDescriptor, _ identity: String?) throws(Fault) {
    guard case .identities = access else { return }
    guard let identity, method.callers.contains(identity) || method.callers.contains("*") else {
      throw Fault(
        .permissionDenied,
        "This identity may not call this method",
        reason: .forbidden,
        detail: "\(identity ?? "no identity") called \(method.path)"
      )
    }
  }

  /// Whether this peer's word about the caller is taken.
  private func believes(_ identity: String?) -> Bool {
    guard case .identities(let trusted) = access else { return true }
    return identity.map { trusted.contains($0) } ?? false
  }

  private func caller(
    _ fields: HeaderFields,
    saidBy identity: String?
  ) throws(Fault) -> Boxed<Caller>? {
    guard believes(identity), let text = fields.bytes(of: "latchkey-caller-bin") else { return nil }
    return try text.withUnsafeBufferPointer { text throws(Fault) in
      try lastCaller.read(UnsafeRawBufferPointer(text)) { () throws(Fault) in
        guard let bytes = fields.binary("latchkey-caller-bin") else {
          throw Fault(.invalidArgument, "The metadata latchkey-caller-bin is not base64")
        }
        return try MessageFraming.decode(bytes.startIndex..<bytes.endIndex, of: bytes)
      }
    }
  }

  private func caller(
    _ bytes: [UInt8],
    _ range: Range<Int>?,
    saidBy identity: String?
  ) throws(Fault) -> Boxed<Caller>? {
    guard let range, believes(identity) else { return nil }
    return try bytes.withUnsafeBufferPointer { buffer throws(Fault) in
      let encoded = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[range])
      return try lastTrunkCaller.read(encoded) { () throws(Fault) in try Caller(decoding: encoded) }
    }
  }

  private func unknown(_ target: [UInt8]) -> Fault {
    let path = String(decoding: target.prefix(256), as: UTF8.self)
    let service = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().first
    if let service, services.contains(String(service)) {
      return Fault(.unimplemented, "The service has no method \(path)")
    }
    return Fault(.unimplemented, "There is no service at \(path)")
  }
}
