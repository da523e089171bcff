internal import EventLoop
internal import Faults
internal import HTTP
internal import Primitives
internal import Protobuf
internal import Transcoding

/// One request on its way through the gateway, from its head to its answer.
///
/// What the head alone can refuse is refused before the body arrives. The rest happens in one task, which
/// is cancelled when the client goes away.
@EventLoop
final class Exchange {
  private enum State {
    /// Nothing is known yet but the head.
    case opened
    /// The route is known; the body is on its way.
    case reading(ServedRoute, parameters: [Range<Int>])
    /// The request is refused; what it still sends is thrown away first.
    case refusing(Fault, discarded: Int)
    /// The task is at work.
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
  /// The request's head, taken from the stream once.
  private let head: RequestHead

  private let gateway: Gateway
  private let target: RequestTarget
  /// What the answer says of the request.
  private var context: Answer.Context
  /// What the request brought to say who it is.
  private(set) var credential = Credential.none
  /// Whose API key it is, once that is known.
  private(set) var principal: Principal?
  /// What makes the request the same as one sent before; nil where the client does not say.
  private(set) var idempotencyKey: [UInt8]?
  private var state = State.opened
  private var task: Task<Void, Never>?
  /// Gives up the call whose stream of messages the task waits for.
  private var cancelCall: (@EventLoop () -> Void)?
  private var writerWaiting: CheckedContinuation<Void, Never>?

  init(_ stream: any ServerStream, gateway: Gateway) {
    self.stream = stream
    self.gateway = gateway
    head = stream.request
    target = RequestTarget(head.target)
    context = Answer.Context(requestID: RequestID().description, isHead: head.method == .head)
  }

  /// Looks at the head: finds the route, or answers at once.
  func begin() {
    do throws(Fault) {
      try RequestRules.check(head)
      switch gateway.router.match(method: head.method.name, path: target.path) {
      case .found(let route, let parameters):
        context.challenge = route.route.authentication.challenge
        credential = try Credential.read(head.fields, for: route.route.authentication)
        try obey(
          gateway.rateLimiter?.count(route.route, credential, from: stream.origin.address)
        )
        try RequestRules.checkBody(of: head, usedBy: route)
        idempotencyKey = try IdempotencyKey.read(head.fields, path: target.path, on: route.route)
        guard route.route.requestBody == .json else {
          // The call has a deadline; a client that stalls is cut off before.
          stream.hasDeadline = true
          let body = RawBodyReader(stream)
          state = .passingOn(body)
          task = EventLoop.spawn { [self] in await passOn(route, parameters, body) }
          return
        }
        state = .reading(route, parameters: parameters)
        receive()
      case .methodNotAllowed(let allowed):
        context.allowed = allowed
        guard head.method == .options else { throw RequestRules.notAllowed(allowed) }
        try obey(gateway.rateLimiter?.countUncredited(from: stream.origin.address))
        state = .finished
        Answer.send(Answer.Content(status: 204), context, to: stream)
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
      let body = stream.takeReceived()
      task = EventLoop.spawn { [self] in await work(route, parameters, body) }
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
    if case .passingOn(let body) = state { body.end() }
    state = .finished
    task?.cancel()
    cancelCall?()
    cancelCall = nil
    drained()
  }

  private func work(
    _ route: ServedRoute,
    _ parameters: [Range<Int>],
    _ body: [UInt8]
  ) async {
    await answer(route) { () async throws(Fault) in
      let request = try await makeMessage(route, parameters, body)
      guard route.route.responseBody == .json else {
        try await gateway.download(route, request, for: self)
        return nil
      }
      return try await gateway.call(route, request, for: self)
    }
  }

  private func passOn(
    _ route: ServedRoute,
    _ parameters: [Range<Int>],
    _ body: RawBodyReader
  ) async {
    await answer(route) { () async throws(Fault) in
      let message = try await makeMessage(route, parameters, [])
      return try await gateway.upload(route, message, body, for: self)
    }
  }

  /// Finds out who asks, and makes the message of what they ask.
  private func makeMessage(
    _ route: ServedRoute,
    _ parameters: [Range<Int>],
    _ body: [UInt8]
  ) async throws(Fault) -> [UInt8] {
    if case .apiKey(let hash) = credential {
      principal = try await gateway.principal(
        forKeyHash: hash,
        from: stream.origin.address,
        on: route
      )
    }
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

  /// Answers with what `body` comes to; nil has been sent already.
  private func answer(
    _ route: ServedRoute,
    _ body: () async throws(Fault) -> Answer.Content?
  ) async {
    let started = Instant.now
    do throws(Fault) {
      guard let content = try await body(), isAtWork else { return }
      state = .finished
      Answer.send(content, context, to: stream)
    } catch {
      // Where nobody waits any more, what failed is only that.
      if case .finished = state { return }
      gateway.failures.note(error, on: route, requestID: id, after: Instant.now - started)
      refuse(error)
    }
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
      return stream.reset(.internalError)
    case .opened, .reading, .refusing, .working, .passingOn: break
    }
    let fault = counted(fault)
    guard !stream.isRequestComplete, RequestRules.mayComeToItsEnd(head) else {
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
    Answer.send(fault, context, to: stream)
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
    guard let limiter = gateway.rateLimiter,
      context.rate == nil || fault.publicReason == .unauthorized
    else { return fault }
    let verdict = limiter.countUncredited(from: stream.origin.address)
    context.rate = verdict
    return verdict.isAllowed ? fault : verdict.refusal
  }
}
