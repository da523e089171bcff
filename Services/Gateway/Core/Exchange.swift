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
    case .opened, .working, .finished:
      // Whatever follows an answer is not kept.
      _ = stream.takeReceived()
    }
  }

  /// The stream is over.
  ///
  /// If that is not because of an answer, nobody waits for one.
  func cancel() {
    state = .finished
    task?.cancel()
  }

  private func work(
    _ route: ServedRoute,
    _ parameters: [Range<Int>],
    _ body: [UInt8]
  ) async {
    let started = Instant.now
    do throws(Fault) {
      if case .apiKey(let hash) = credential {
        principal = try await gateway.principal(forKeyHash: hash, on: route)
      }
      let request = try route.request.encode(
        body: body,
        parameters: target.parameters(
          route.request,
          pathFields: route.pathFields,
          ranges: parameters
        )
      )
      if case .none = credential {
        try obey(gateway.rateLimiter?.count(route.route, licenseKeyIn: request))
      }
      let content = try await gateway.call(route, request, for: self)
      guard case .working = state else { return }
      state = .finished
      Answer.send(content, context, to: stream)
    } catch {
      // Where nobody waits any more, what failed is only that.
      guard case .working = state else { return }
      gateway.failures.note(error, on: route, requestID: id, after: Instant.now - started)
      refuse(error)
    }
  }

  /// Answers with a fault: at once where the request is complete or waits for our word, else behind its body.
  ///
  /// RFC 9113, section 8.1, lets a server answer first and then stop the sender, but clients lose such an
  /// answer: curl 7.88 reports a stream error instead. So a body of moderate size may come to its end.
  private func refuse(_ fault: Fault) {
    switch state {
    case .finished: return
    case .opened, .reading, .refusing, .working: break
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
