public import EventLoop
public import Faults
public import HTTP
internal import Messages
public import Protobuf
public import TLS
internal import Tracing

/// Calls the methods of one service, wherever its replicas are.
///
/// The channel keeps connections to every address that its hosts resolve to, watches what each server says of its health,
/// and gives the calls of each tick to the next one in turn that takes calls. A call fails fast with `unavailable` when
/// none does. A call whose connection was lost is repeated on another one if it is marked idempotent or no server has seen
/// it. What a server answers is final, except that an idempotent call that it has answered by `unavailable` is made once
/// more where there is another replica.
@EventLoop
public final class Channel {
  private let balancer: Balancer
  private var fields = CallFields()
  private var callers = EncodedCaller()
  /// The name the server's certificate must have.
  let serverName: String
  let counts = CallCounts()

  /// Makes a channel; it connects when the first call comes.
  ///
  /// - Parameters:
  ///   - hosts: Names or addresses, each with the port at every address of it, all of the same service.
  ///   - tls: The client's settings; nil speaks plaintext, which only tests do.
  ///   - serverName: The name the server's certificate must have.
  ///   - connectionsPerAddress: A few, so that one is not all when it breaks.
  ///   - service: The full name of the service whose health decides which server is called; empty for the server as a whole.
  public init(
    hosts: [(name: String, port: UInt16)],
    tls: TLSContext?,
    serverName: String,
    connectionsPerAddress: Int = 2,
    healthOf service: String = ""
  ) {
    self.serverName = serverName
    balancer = Balancer(
      hosts: hosts,
      tls: tls,
      serverName: serverName,
      connectionsPerAddress: connectionsPerAddress,
      healthOf: service
    )
  }

  /// Makes a channel to one host; it connects when the first call comes.
  ///
  /// - Parameters:
  ///   - host: A name or an address.
  ///   - port: The port at every address of the host.
  ///   - tls: The client's settings; nil speaks plaintext, which only tests do.
  ///   - serverName: The name the server's certificate must have.
  ///   - connectionsPerAddress: A few, so that one is not all when it breaks.
  public convenience init(
    host: String,
    port: UInt16,
    tls: TLSContext?,
    serverName: String,
    connectionsPerAddress: Int = 2
  ) {
    self.init(
      hosts: [(host, port)],
      tls: tls,
      serverName: serverName,
      connectionsPerAddress: connectionsPerAddress
    )
  }

  /// Calls a method with one message in and one out.
  public func unary<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ request: Request,
    _ options: CallOptions = CallOptions()
  ) async throws(Fault) -> Response {
    try await unaryWithTrailers(method, request, options).0
  }

  /// Calls a method with one message in and one out, and gives the trailers too.
  public func unaryWithTrailers<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ request: Request,
    _ options: CallOptions = CallOptions()
  ) async throws(Fault) -> (Response, Metadata) {
    try await begin(method, request, options).answer()
  }

  /// Begins a call with one message in and one out, without waiting for anything.
  public func begin<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ request: consuming Request,
    _ options: consuming CallOptions = CallOptions()
  ) -> UnaryCall<Request, Response> {
    UnaryCall(self, method, request, options)
  }

  /// Begins a call whose request or answer is a stream.
  ///
  /// For a server stream, send the one request and finish.
  public func stream<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ options: CallOptions = CallOptions()
  ) async throws(Fault) -> ClientCall<Request, Response> {
    let deadline = options.deadline(of: method, from: .now)
    while true {
      try await waitForConnection(by: deadline)
      let now = Instant.now
      let span = span(of: method, options)
      while let link = balancer.next() {
        if let stream = open(method, options, deadline, span, from: now, on: link, isUnary: false) {
          return ClientCall(stream)
        }
      }
    }
  }

  /// Whether a connection stands.
  ///
  /// While none does, asking has one made.
  public var isConnected: Bool { balancer.isConnected }

  /// How many connections stand.
  var connectionCount: Int { balancer.connectionCount }

  /// How many of them are to servers that say that they take calls.
  var servingCount: Int { balancer.servingCount }

  /// What is recorded of a call that is made for something that is.
  private func span(of method: MethodDescriptor, _ options: CallOptions) -> Span? {
    guard Span.isRecording, let parent = options.span ?? Span.current else { return nil }
    let (service, name) = method.parts
    let span = parent.child("\(service)/\(name)", .client)
    span.note("rpc.system", "grpc")
    span.note("rpc.service", service)
    span.note("rpc.method", name)
    span.note("server.address", serverName)
    return span
  }

  /// Waits while the first connection is being made; a call that finds none is counted as one that failed.
  private func waitForConnection(by deadline: Instant) async throws(Fault) {
    do throws(Fault) {
      try await balancer.waitForConnection(by: deadline)
    } catch {
      counts.count(code: error.code.rawValue)
      throw error
    }
  }

  /// Opens no more streams, and closes each connection when its calls are through.
  public func close() { balancer.close() }

  /// Sends a unary call, and waits for a connection where there is none.
  func send(
    _ method: MethodDescriptor,
    _ request: some Message,
    _ options: CallOptions,
    _ deadline: Instant
  ) async throws(Fault) -> CallAttempt {
    while true {
      try await waitForConnection(by: deadline)
      if let attempt = sendNow(method, request, options, deadline, from: .now) { return attempt }
    }
  }

  /// Sends a unary call by one of the connections that there are, as is done for nearly every call: without suspension.
  ///
  /// `now` is the time, which whoever begins a call has just asked for.
  func sendNow(
    _ method: MethodDescriptor,
    _ request: some Message,
    _ options: CallOptions,
    _ deadline: Instant,
    from now: Instant
  ) -> CallAttempt? {
    let span = span(of: method, options)
    while let link = balancer.next() {
      if let attempt = send(method, request, options, deadline, span, from: now, on: link) {
        return attempt
      }
    }
    return nil
  }

  /// Sends a unary call to another replica than the one that has answered it; nil where there is none.
  func sendNow(
    _ method: MethodDescriptor,
    _ request: some Message,
    _ options: CallOptions,
    _ deadline: Instant,
    besides attempt: CallAttempt
  ) -> CallAttempt? {
    guard let link = balancer.next(besides: attempt) else { return nil }
    let span = span(of: method, options)
    return send(method, request, options, deadline, span, from: .now, on: link)
  }

  /// Whether there is another replica than the one that a call went to.
  func hasReplica(besides attempt: CallAttempt) -> Bool { balancer.next(besides: attempt) != nil }

  /// Sends a unary call by a connection; nil when that takes no more.
  private func send(
    _ method: MethodDescriptor,
    _ request: some Message,
    _ options: CallOptions,
    _ deadline: Instant,
    _ span: Span?,
    from now: Instant,
    on link: Link
  ) -> CallAttempt? {
    // Fields of its own are for a stream of its own.
    if method.isTrunked, options.metadata.isEmpty, link.trunk.isOpen(at: now) {
      let call = link.trunk.send(
        method.path,
        request,
        caller: callers.encode(options.sharedCaller),
        requestID: options.requestID,
        nanoseconds: deadline.nanoseconds - now.nanoseconds,
        deadline,
        trace: span?.context
      )
      if let call {
        call.begin(counts, span, at: now)
        return call
      }
    }
    guard let stream = open(method, options, deadline, span, from: now, on: link, isUnary: true)
    else { return nil }
    stream.send(request, isLast: true)
    return stream
  }

  private func open(
    _ method: MethodDescriptor,
    _ options: CallOptions,
    _ deadline: Instant,
    _ span: Span?,
    from now: Instant,
    on link: Link,
    isUnary: Bool
  ) -> ClientStream? {
    let stream = ClientStream(isUnary: isUnary)
    let nanoseconds = max(0, deadline.nanoseconds - now.nanoseconds)
    var fields = fields.write(options, nanoseconds: nanoseconds)
    if let span { fields.append(span.context) }
    let isOpen = stream.open(
      on: link.connection,
      path: method.path,
      fields: fields,
      deadline: deadline
    )
    guard isOpen else { return nil }
    stream.begin(counts, span, at: now)
    return stream
  }
}

extension CallOptions {
  /// When a call with these options that begins now must have been answered.
  func deadline(of method: MethodDescriptor, from now: Instant) -> Instant {
    // Most calls have the method's own time, which takes no arithmetic of durations.
    timeout.map { now + $0 }
      ?? Instant(nanoseconds: now.nanoseconds + method.timeoutNanoseconds)
  }
}
