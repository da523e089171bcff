public import EventLoop
public import Faults
internal import Glibc
internal import HTTP
internal import Messages
internal import Metrics
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
  /// The caller of the call before, as it came and as it was read: callers that have much to ask ask in a row.
  private var lastCaller: (text: [UInt8], caller: Caller)?
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

  // MARK: A call begins

  /// The request comes along, as fetching it from the stream counts a reference for each of its parts.
  fileprivate func begin(
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
    guard let method = find(request.target) else { throw unknown(request.target) }
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
      deadline: Instant(nanoseconds: stream.openedAt.nanoseconds + timeout),
      peerIdentity: origin.identity,
      caller: try caller(fields, saidBy: origin.identity)
    )
    try checkAccess(descriptor, origin.identity)
    if case .identities = access { try call.checkScope() }
    call.begin(method.counts, span(of: call), onCallEnded)
    method.start(call)
    return call
  }

  /// What is recorded of a call, where the process that calls says that it records it.
  private func span(of call: Call) -> Span? {
    guard let tracer, let context = call.metadata.traceContext else { return nil }
    let (service, method) = call.method.parts
    let span = tracer.beginCall("\(service)/\(method)", after: context)
    span?.note("rpc.system", "grpc")
    span?.note("rpc.service", service)
    span?.note("rpc.method", method)
    if let account = call.caller?.accountId { span?.note("latchkey.account", account) }
    return span
  }

  /// Most calls of a busy server are of one method, so the last one is tried before the table.
  private func find(_ target: [UInt8]) -> Method? {
    if let lastFound, lastFound.target == target { return lastFound.method }
    guard let method = methods[target] else { return nil }
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

  private func caller(_ fields: HeaderFields, saidBy identity: String?) throws(Fault) -> Caller? {
    if case .identities(let trusted) = access {
      guard let identity, trusted.contains(identity) else { return nil }
    }
    guard let text = fields.bytes(of: "latchkey-caller-bin") else { return nil }
    if let lastCaller, lastCaller.text.elementsEqual(text) { return lastCaller.caller }
    guard let bytes = fields.binary("latchkey-caller-bin") else {
      throw Fault(.invalidArgument, "The metadata latchkey-caller-bin is not base64")
    }
    let caller: Caller = try MessageFraming.decode(bytes.startIndex..<bytes.endIndex, of: bytes)
    // A secret is not kept.
    lastCaller = caller.licenseKey == nil ? (Array(text), caller) : nil
    return caller
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

/// Turns streams into calls.
@EventLoop
private final class Dispatcher: RequestHandler, Flushable {
  private unowned let server: RPCServer
  private var watched: [Call] = []

  init(_ server: RPCServer) { self.server = server }

  func receivedHead(_ stream: any ServerStream) {
    let request = stream.request
    guard request.method == .post else {
      refuse(stream, status: 405)
      return
    }
    guard let type = request.fields.bytes(of: "content-type"), Dispatcher.isGRPC(type) else {
      refuse(stream, status: 415)
      return
    }
    do throws(Fault) {
      let call = try server.begin(stream, request)
      stream.attachment = call
      watch(call)
    } catch {
      let call = Call(
        method: MethodDescriptor(path: ""),
        stream: stream,
        deadline: Instant.now,
        peerIdentity: nil,
        caller: nil
      )
      call.begin(server.refused, nil, nil)
      call.fail(error)
    }
  }

  /// Gives a call its timer at the end of the tick, if it still needs one: most calls are over by then.
  private func watch(_ call: Call) {
    if watched.isEmpty { EventLoop.flushAtEndOfTick(self) }
    watched.append(call)
  }

  func flush() {
    for call in watched { call.watchDeadline() }
    watched.removeAll(keepingCapacity: true)
  }

  /// The call on a stream: nothing else is ever attached to the streams of this handler.
  private func call(on stream: any ServerStream) -> Call? {
    // No `map`: the runtime checks each time that a closure of the loop's is called on the loop.
    guard let attachment = stream.attachment else { return nil }
    return unsafeDowncast(attachment, to: Call.self)
  }

  func receivedBody(_ stream: any ServerStream) {
    guard let call = call(on: stream), !call.isFinished else {
      // Answered already; whatever else comes is dropped.
      _ = stream.takeReceived()
      return
    }
    if let reader = call.reader {
      reader.wake()
      return
    }
    guard let start = call.unaryStart else { return }
    do throws(Fault) {
      guard let range = try MessageFraming.next(in: stream.received, from: 0) else {
        guard !stream.isRequestComplete else {
          throw Fault(
            .internalError,
            stream.received.isEmpty
              ? "The call ended without its request message"
              : "The request ended in the middle of a message"
          )
        }
        stream.acknowledgeReceived()
        return
      }
      guard stream.isRequestComplete else {
        if stream.received.count > range.upperBound {
          throw Fault(.unimplemented, "A unary call takes one request message")
        }
        return
      }
      guard stream.received.count == range.upperBound else {
        throw Fault(.unimplemented, "A unary call takes one request message")
      }
      call.unaryStart = nil
      Span.with(call.span) { start(call, stream.received, range) }
      stream.dropReceived()
    } catch {
      call.fail(error)
    }
  }

  func drained(_ stream: any ServerStream) { call(on: stream)?.resumeWriter() }

  func closed(_ stream: any ServerStream) { call(on: stream)?.streamClosed() }

  private func refuse(_ stream: any ServerStream, status: Int) {
    stream.sendHead(status: status, HeaderFields(), isEnd: true)
  }

  /// `application/grpc`, alone or with a suffix or parameters.
  private nonisolated static func isGRPC(_ type: ArraySlice<UInt8>) -> Bool {
    let name: StaticString = "application/grpc"
    let length = name.utf8CodeUnitCount
    return type.withUnsafeBytes { bytes in
      guard bytes.count >= length, let start = bytes.baseAddress,
        memcmp(start, name.utf8Start, length) == 0
      else {
        return false
      }
      if bytes.count == length || bytes[length] == UInt8(ascii: ";") { return true }
      return bytes[length] == UInt8(ascii: "+") && bytes[(length + 1)...].starts(with: "proto".utf8)
    }
  }
}
