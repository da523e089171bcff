internal import EventLoop
internal import Faults
internal import HTTP
internal import Messages
internal import Primitives
internal import Protobuf
internal import RPC
internal import ServiceKit
internal import Tracing
internal import Transcoding

/// One request on its way through the gateway, from its head to its answer.
///
/// What the head alone can refuse is refused before the body arrives. The rest is the call, and whatever has to be
/// waited for before and after it happens in a task; both are given up when the client goes away.
@EventLoop
final class Exchange {
  private enum State {
    /// Nothing is known yet but the head.
    case opened
    /// The route is known; the body is on its way.
    case reading(ServedRoute, parameters: [Range<Int>])
    /// The request is refused; what it still sends is thrown away first.
    case refusing(Fault, discarded: Int)
    /// The call is under way, or what comes before and after it.
    case working
    /// The task is at work, and passes the body on while it comes.
    case passingOn(RawBodyReader)
    /// The head of an answer is out whose body comes piece by piece.
    case answering
    /// The answer was given, or nobody waits for it any more.
    case finished
  }

  /// What `X-Request-Id` says.
  var id: String { context.requestID }
  /// The request and the way back.
  let stream: any ServerStream
  /// Where a trusted proxy has passed the request on: from where.
  private let forwardedFrom: RequestOrigin?
  private let gateway: Gateway
  private let target: RequestTarget
  /// What the answer says of the request.
  private var context: Answer.Context
  /// What the request brought to say who it is.
  private(set) var credential = Credential.none
  /// Whose API key or session it is, once that is known.
  private(set) var principal: Principal?
  /// Whose license key the request brought, where the service that can read it has said so; for logs and traces.
  var answeredAccountID: String?
  /// What makes the request the same as one sent before; nil where the client does not say.
  private(set) var idempotencyKey: [UInt8]?
  private var state = State.opened
  /// When the work began.
  private var begun = Instant(nanoseconds: 0)
  /// The call that no task waits for.
  private var call: UnaryCall<RawMessage, RawMessage>?
  private var task: Task<Void, Never>?
  /// Gives up the call whose stream of messages the task waits for.
  private var cancelCall: (@EventLoop () -> Void)?
  private var writerWaiting: CheckedContinuation<Void, Never>?
  /// The route, once it is known.
  private var route: ServedRoute?
  /// What is recorded of the request; nil where nothing is.
  let span: Span?
  /// Whether the request was counted as answered.
  private var isCounted = false

  /// The head comes along, since a copy from the stream counts a reference for each of its parts.
  init(_ stream: any ServerStream, _ head: RequestHead, gateway: Gateway) {
    self.stream = stream
    self.gateway = gateway
    forwardedFrom = gateway.proxies.client(of: stream.origin, head.fields)
    target = RequestTarget(head.target)
    context = Answer.Context(
      requestID: RequestID().description,
      isHead: head.method == .head,
      transportSecurity: gateway.transportSecurity
    )
    gateway.inFlightCount += 1
    span = gateway.observers.tracer.flatMap {
      $0.beginRequest(
        head.method.isKnown ? head.method.name : "other",
        after: head.fields.traceContext
      )
    }
  }

  /// Where the request came from.
  var client: RequestOrigin { forwardedFrom ?? stream.origin }

  /// Looks at the head: finds the route, or answers at once.
  func begin(_ head: RequestHead) {
    do throws(Fault) {
      try RequestRules.check(head)
      switch gateway.router.match(method: head.method.name, path: target.path) {
      case .found(let route, let parameters):
        self.route = route
        context.challenge = route.route.authentication.challenge
        credential = try Credential.read(head.fields, for: route.route.authentication)
        try obey(
          gateway.rateLimiter?.count(route.route, credential, from: client.address)
        )
        try SameOrigin.check(head, credential, on: route.route)
        try RequestRules.checkBody(of: head, usedBy: route)
        idempotencyKey = try IdempotencyKey.read(head.fields, path: target.path, on: route.route)
        guard route.route.requestBody == .json else {
          // The call has a deadline; a client that stalls is cut off before.
          stream.hasDeadline = true
          let body = RawBodyReader(stream)
          state = .passingOn(body)
          begun = Instant.now
          inTask(route) { () async throws(Fault) in
            try await self.identify(on: route)
            let message = try self.makeMessage(route, parameters, [])
            return try await self.gateway.upload(route, message, body, for: self)
          }
          return
        }
        state = .reading(route, parameters: parameters)
        receive()
      case .methodNotAllowed(let allowed):
        context.allowed = allowed
        guard head.method == .options else { throw RequestRules.notAllowed(allowed) }
        try obey(gateway.rateLimiter?.countUncredited(from: client.address))
        state = .finished
        ended(status: Answer.send(Answer.Content(status: 204), context, to: stream))
      case .notFound:
        throw .notFound("There is nothing at this address")
      }
    } catch {
      refuse(error)
    }
  }

  /// Takes what has come of the body, and goes to work when it is complete.
  func receive() {
    switch state {
    case .reading(let route, let parameters):
      guard stream.received.count <= RequestRules.bodyBytesMax else {
        return refuse(RequestRules.tooLarge)
      }
      guard stream.isRequestComplete else { return stream.acknowledgeReceived() }
      state = .working
      begun = Instant.now
      work(route, parameters, stream.takeReceived())
    case .refusing(let fault, let discarded):
      discard(discarded, thenRefuse: fault)
    case .passingOn(let body):
      body.wake()
    case .opened, .working, .answering, .finished:
      // Whatever follows an answer is not kept.
      _ = stream.takeReceived()
    }
  }

  /// The stream is over.
  ///
  /// If that is not because of an answer, nobody waits for one.
  func cancel() {
    ended(status: Gateway.clientGone)
    if case .passingOn(let body) = state { body.end() }
    state = .finished
    task?.cancel()
    call?.cancel()
    call = nil
    cancelCall?()
    cancelCall = nil
    drained()
  }

  // MARK: The work

  /// Goes to work: without a task as long as there is nothing to wait for but the service's answer.
  ///
  /// That is all the way for most requests, and a task costs more than what is done in it.
  private func work(_ route: ServedRoute, _ parameters: [Range<Int>], _ body: [UInt8]) {
    do throws(Fault) {
      guard route.route.responseBody == .json, try identifyNow(on: route) else {
        return inTask(route) { () async throws(Fault) in
          try await self.identify(on: route)
          return try await self.answer(route, self.makeMessage(route, parameters, body))
        }
      }
      let call = try gateway.begin(route, makeMessage(route, parameters, body), for: self)
      guard call.isSent else { return wait(for: call, on: route) }
      self.call = call
      call.whenOver { [self] in ended(call, on: route) }
    } catch {
      fail(error, on: route)
    }
  }

  /// The call is over: answers, unless something has to be waited for.
  private func ended(_ call: UnaryCall<RawMessage, RawMessage>, on route: ServedRoute) {
    self.call = nil
    guard isAtWork else { return }
    do throws(Fault) {
      guard let (response, trailers) = try call.answerNow() else {
        return wait(for: call, on: route)
      }
      gateway.noteAnswered(route, trailers, self)
      var content = try gateway.unsignedAnswer(route, response.bytes, trailers)
      guard gateway.signNow(&content) else {
        return inTask(route) { () async throws(Fault) in
          try await self.gateway.answer(route, response.bytes, trailers)
        }
      }
      finish(with: content)
    } catch {
      fail(error, on: route)
    }
  }

  private func wait(for call: UnaryCall<RawMessage, RawMessage>, on route: ServedRoute) {
    inTask(route) { () async throws(Fault) in try await self.answer(of: call, on: route) }
  }

  /// Makes the call, whatever has to be waited for, and the answer of what comes back.
  ///
  /// - Returns: Nil where the answer was sent piece by piece.
  private func answer(_ route: ServedRoute, _ message: [UInt8]) async throws(Fault)
    -> Answer.Content?
  {
    guard route.route.responseBody == .json else {
      try await gateway.download(route, message, for: self)
      return nil
    }
    return try await answer(of: gateway.begin(route, message, for: self), on: route)
  }

  private func answer(
    of call: UnaryCall<RawMessage, RawMessage>,
    on route: ServedRoute
  ) async throws(Fault) -> Answer.Content {
    let (response, trailers) = try await call.answer()
    gateway.noteAnswered(route, trailers, self)
    return try await gateway.answer(route, response.bytes, trailers)
  }

  /// Finds out who asks.
  private func identify(on route: ServedRoute) async throws(Fault) {
    principal = try await gateway.principal(self, on: route)
  }

  /// Finds out who asks, if that takes no waiting; false where it does.
  private func identifyNow(on route: ServedRoute) throws(Fault) -> Bool {
    switch credential {
    case .none, .licenseKey: return true
    case .apiKey, .session:
      principal = try gateway.knownPrincipal(self, on: route)
      return principal != nil
    }
  }

  /// Has the answer change the cookie of the session.
  func change(_ cookie: SessionCookie.Change) { context.cookie = cookie }

  /// Makes the message of what is asked, when it is known who asks.
  private func makeMessage(
    _ route: ServedRoute,
    _ parameters: [Range<Int>],
    _ body: [UInt8]
  ) throws(Fault) -> [UInt8] {
    let message = try route.request.encode(
      body: body,
      parameters: target.parameters(
        route.request,
        pathFields: route.pathFields,
        ranges: parameters
      )
    )
    if case .none = credential {
      try obey(gateway.rateLimiter?.count(route.route, licenseKeyIn: message))
    }
    return message
  }

  /// Answers with what `body` comes to, which has to wait for something; nil has been sent already.
  private func inTask(
    _ route: ServedRoute,
    _ body: @escaping @EventLoop () async throws(Fault) -> Answer.Content?
  ) {
    Span.with(span) {
      task = EventLoop.spawn { [self] in
        do throws(Fault) {
          if let content = try await body(), isAtWork { finish(with: content) }
        } catch {
          fail(error, on: route)
        }
      }
    }
  }

  private func finish(with content: Answer.Content) {
    state = .finished
    ended(status: Answer.send(content, context, to: stream))
  }

  /// What was begun has failed.
  private func fail(_ fault: Fault, on route: ServedRoute) {
    // Where nobody waits any more, what failed is only that.
    if case .finished = state { return }
    gateway.failures.note(fault, on: route, requestID: id, after: Instant.now - begun)
    refuse(fault)
  }

  private var isAtWork: Bool {
    switch state {
    case .working, .passingOn: true
    case .opened, .reading, .refusing, .answering, .finished: false
    }
  }

  // MARK: Bodies that are passed on

  /// Says how the call under way is given up when the client goes away.
  func whenCancelled(_ cancel: @escaping @EventLoop () -> Void) { cancelCall = cancel }

  /// Sends the head of an answer that comes piece by piece; false when nobody waits for the pieces.
  func beginRawAnswer(_ mediaType: String?) -> Bool {
    guard isAtWork else { return false }
    state = context.isHead ? .finished : .answering
    Answer.sendRawHead(mediaType, context, to: stream)
    if context.isHead { ended(status: 200) }
    return !context.isHead
  }

  /// Sends a piece of the answer, and waits while the client does not keep up.
  func sendRaw(_ piece: ArraySlice<UInt8>) async {
    guard case .answering = state else { return }
    stream.sendBody { $0.append(contentsOf: piece) }
    while case .answering = state, stream.outputPending > HTTP2Stream.outputHighWater {
      await withCheckedContinuation { writerWaiting = $0 }
    }
  }

  /// Ends the answer.
  func endRawAnswer() {
    guard case .answering = state else { return }
    state = .finished
    stream.finish(nil)
    ended(status: 200)
  }

  /// The client has taken so much that more may follow.
  func drained() {
    guard let writerWaiting else { return }
    self.writerWaiting = nil
    writerWaiting.resume()
  }

  // MARK: Refusals

  /// Answers with a fault: at once where the request is complete or waits for our word, else behind its body.
  ///
  /// RFC 9113, section 8.1, lets a server answer first and then stop the sender, but clients lose such an
  /// answer: curl 7.88 reports a stream error instead. So a body of moderate size may come to its end.
  private func refuse(_ fault: Fault) {
    switch state {
    case .finished: return
    case .answering:
      // The status is out. A body that is cut off must not pass for a whole one.
      state = .finished
      ended(status: 500)
      return stream.reset(.internalError)
    case .opened, .reading, .refusing, .working, .passingOn: break
    }
    let fault = counted(fault)
    guard !stream.isRequestComplete, RequestRules.mayComeToItsEnd(stream.request) else {
      return finish(with: fault)
    }
    discard(0, thenRefuse: fault)
  }

  private func discard(_ earlier: Int, thenRefuse fault: Fault) {
    let discarded = earlier + stream.takeReceived().count
    guard !stream.isRequestComplete, discarded <= RequestRules.discardedBytesMax else {
      return finish(with: fault)
    }
    state = .refusing(fault, discarded: discarded)
  }

  private func finish(with fault: Fault) {
    state = .finished
    ended(status: Answer.send(fault, context, to: stream))
  }

  // MARK: What is told of the request

  /// The request is over: counts it, and has what is made of it noted; without effect a second time.
  private func ended(status: Int) {
    guard !isCounted else { return }
    isCounted = true
    gateway.inFlightCount -= 1
    let nanoseconds = Instant.now.nanoseconds - stream.openedAt.nanoseconds
    (route?.counts ?? gateway.unrouted).note(status: status, nanoseconds: nanoseconds)
    if let log = gateway.observers.log { log.note(entry(status, nanoseconds)) }
    if let span { end(span, status) }
  }

  private func entry(_ status: Int, _ nanoseconds: Int64) -> RequestLog.Entry {
    var entry = RequestLog.Entry(
      requestID: id,
      status: String(status),
      nanoseconds: nanoseconds
    )
    entry.method = route?.route.verb.rawValue
    entry.route = route?.route.template
    entry.accountID = accountID
    entry.environment = principal.map { $0.environment == .live ? "live" : "test" }
    entry.actorID = principal?.id
    entry.address = client.host
    entry.traceID = span?.context.traceID
    return entry
  }

  /// Whose data the request was about, as far as that is known.
  private var accountID: String? { principal?.accountID ?? answeredAccountID }

  private func end(_ span: Span, _ status: Int) {
    if let route = route?.route {
      span.name = "\(route.verb.rawValue) \(route.template)"
      span.note("http.request.method", route.verb.rawValue)
      span.note("http.route", route.template)
    }
    span.note("http.response.status_code", status)
    span.note("latchkey.request_id", id)
    if let account = accountID { span.note("latchkey.account", account) }
    span.end(failure: status >= 500 ? String(status) : nil)
  }

  // MARK: Rate limits

  /// Takes note of what the request has counted against, and refuses it where that is used up.
  private func obey(_ verdict: RateVerdict?) throws(Fault) {
    guard let verdict else { return }
    context.rate = verdict
    guard verdict.isAllowed else { throw verdict.refusal }
  }

  /// Counts a request that turns out to have no good credential; where its address has used up its attempts, that
  /// is what it is told.
  private func counted(_ fault: Fault) -> Fault {
    guard let limiter = gateway.rateLimiter else { return fault }
    if context.rate != nil {
      // What came without a credential, a login for one, has been counted by its address.
      if case .none = credential { return fault }
      guard fault.publicReason == .unauthorized else { return fault }
    }
    let verdict = limiter.countUncredited(from: client.address)
    context.rate = verdict
    return verdict.isAllowed ? fault : verdict.refusal
  }
}
