internal import Cryptography
public import EventLoop
internal import Faults
public import HTTP
public import Logging
internal import Messages
internal import Primitives
internal import Protobuf
public import RPC
internal import ServiceKit
internal import Stubs
internal import Transcoding

/// Turns REST requests into calls of the services, and what they answer into REST answers.
///
/// It knows no endpoint: routes, credentials, scopes, messages and signatures all come from the contracts
/// in `Protos/`.
@EventLoop
public final class Gateway: RequestHandler {
  /// How long a call may take where the contract names no other time.
  ///
  /// Clients of the contract wait 10 s; ours comes first, so that they see a clear answer.
  nonisolated static let callTimeout = Duration.seconds(8)

  /// Everything that is served.
  let routes: [ServedRoute]
  let router: Router<ServedRoute>
  let observers: Observers
  /// What is counted of requests that no route takes.
  let unrouted = RequestCounts()
  /// Requests that are not answered yet.
  var inFlightCount = 0
  private let channels: [String: Channel]
  private let authenticator: APIKeyAuthenticator
  private let sessions: SessionAuthenticator
  private let signer: ResponseSigner
  let failures: FailureLog
  /// Counts requests; nil where clients are not held to limits.
  let rateLimiter: RateLimiter?
  /// Whose word about a request's client is taken.
  let proxies: TrustedProxies
  /// What `Strict-Transport-Security` says; nil where it is not sent.
  let transportSecurity: String?
  /// The caller of the last request without a credential: a client with much to ask asks in a row.
  private var lastAnonymous: Boxed<Caller>?

  /// Makes a gateway for every route of the contracts.
  ///
  /// - Parameters:
  ///   - keys: The channel to the keys service.
  ///   - licenses: The channel to the licenses service.
  ///   - signing: The channel to the signing service.
  ///   - webhooks: The channel to the webhooks service.
  ///   - rateLimits: How many requests a minute are allowed; nil holds nobody to limits.
  ///   - proxies: Whose word about a request's client is taken.
  ///   - transportSecurity: For how long browsers shall call by HTTPS alone; zero says nothing of it.
  ///   - log: Where failures of ours are told.
  ///   - observers: Who looks at requests.
  public convenience init(
    keys: Channel,
    licenses: Channel,
    signing: Channel,
    webhooks: Channel,
    rateLimits: RateLimits?,
    proxies: TrustedProxies = .none,
    transportSecurity: Duration = .zero,
    log: Logger,
    observers: Observers = Observers()
  ) {
    self.init(
      Routes.all,
      channels: [
        KeysMethods.serviceName: keys, UsersMethods.serviceName: keys,
        LicensesMethods.serviceName: licenses, SigningMethods.serviceName: signing,
        WebhooksMethods.serviceName: webhooks,
      ],
      keys: keys,
      rateLimiter: rateLimits.map { RateLimiter($0) },
      proxies: proxies,
      transportSecurity: transportSecurity,
      log: log,
      observers: observers
    )
  }

  /// Makes a gateway for some routes.
  ///
  /// - Parameters:
  ///   - routes: What it serves.
  ///   - channels: The channel to each service of the routes, by the service's full name.
  ///   - keys: The channel to the keys service.
  ///   - rateLimiter: Counts requests; nil holds nobody to limits.
  ///   - proxies: Whose word about a request's client is taken.
  ///   - transportSecurity: For how long browsers shall call by HTTPS alone; zero says nothing of it.
  ///   - log: Where failures of ours are told.
  ///   - observers: Who looks at requests.
  init(
    _ routes: [Route],
    channels: [String: Channel],
    keys: Channel,
    rateLimiter: RateLimiter?,
    proxies: TrustedProxies = .none,
    transportSecurity: Duration = .zero,
    log: Logger,
    observers: Observers = Observers()
  ) {
    self.observers = observers
    self.routes = routes.map { ServedRoute($0) }
    router = Router(self.routes)
    self.channels = channels
    self.rateLimiter = rateLimiter
    self.proxies = proxies
    let seconds = transportSecurity.components.seconds
    self.transportSecurity = seconds > 0 ? "max-age=\(seconds)" : nil
    failures = FailureLog(log)
    let questions = KeysQuestions(keys)
    authenticator = APIKeyAuthenticator { (hash) async throws(Fault) in
      try await questions.verdict(onHash: hash)
    }
    sessions = SessionAuthenticator { (hash) async throws(Fault) in
      try await questions.session(withTokenHash: hash)
    } exchange: { (hash) async throws(Fault) in
      try await questions.exchangeToken(withHash: hash)
    }
    signer = ResponseSigner { (signatory) async throws(Fault) in
      try await questions.signingKeys(of: signatory)
    }
  }

  // MARK: RequestHandler

  /// Begins with a request.
  public func receivedHead(_ stream: any ServerStream) {
    if observers.probes?.answer(stream) == true { return }
    let head = stream.request
    let exchange = Exchange(stream, head, gateway: self)
    stream.attachment = exchange
    exchange.begin(head)
  }

  /// Goes on with a request.
  public func receivedBody(_ stream: any ServerStream) {
    (stream.attachment as? Exchange)?.receive()
  }

  /// Goes on with an answer that is sent piece by piece.
  public func drained(_ stream: any ServerStream) {
    (stream.attachment as? Exchange)?.drained()
  }

  /// Gives up a request whose client is gone.
  public func closed(_ stream: any ServerStream) {
    (stream.attachment as? Exchange)?.cancel()
  }

  // MARK: The steps of a request

  /// Whose API key or session a request brought; nil for neither.
  ///
  /// A session's token is exchanged where it is time.
  ///
  /// - Throws: ``Fault`` `unauthenticated` for a bad one, `permissionDenied` for one that may not be used from the
  ///   client's address, or that lacks the scope.
  func principal(_ exchange: Exchange, on route: ServedRoute) async throws(Fault) -> Principal? {
    let principal: Principal
    switch exchange.credential {
    case .none, .licenseKey: return nil
    case .apiKey(let hash): principal = try await authenticator.principal(forHash: hash)
    case .session(let hash, let environment):
      let session = try await sessions.session(forHash: hash)
      if session.isRotationDue, let token = await sessions.exchangeToken(withHash: hash) {
        exchange.change(.give(token))
      }
      principal = session.principal(in: environment)
    }
    return try admit(principal, exchange, to: route)
  }

  /// The same, if it is known already; nil where the keys service must be asked.
  func knownPrincipal(_ exchange: Exchange, on route: ServedRoute) throws(Fault) -> Principal? {
    let principal: Principal?
    switch exchange.credential {
    case .none, .licenseKey: return nil
    case .apiKey(let hash): principal = try authenticator.knownPrincipal(forHash: hash)
    case .session(let hash, let environment):
      principal = try sessions.knownSession(forHash: hash)?.principal(in: environment)
    }
    guard let principal else { return nil }
    return try admit(principal, exchange, to: route)
  }

  private func admit(
    _ principal: Principal,
    _ exchange: Exchange,
    to route: ServedRoute
  ) throws(Fault) -> Principal {
    try principal.requireUse(from: exchange.client.address)
    rateLimiter?.noteGood(exchange.credential)
    if let scope = route.route.scope { try principal.require(scope) }
    return principal
  }

  /// Begins the call of a route, without waiting for anything.
  func begin(
    _ route: ServedRoute,
    _ request: [UInt8],
    for exchange: Exchange
  ) throws(Fault) -> UnaryCall<RawMessage, RawMessage> {
    try channel(of: route)
      .begin(route.method, RawMessage(request), options(route, request, exchange))
  }

  /// Takes note of what a good answer to a call tells of its request.
  func noteAnswered(_ route: ServedRoute, _ trailers: Metadata, _ exchange: Exchange) {
    if case .licenseKey = exchange.credential { rateLimiter?.noteGood(exchange.credential) }
    // Nobody else asks whose the license key is.
    if exchange.principal == nil, observers.log != nil || exchange.span != nil {
      exchange.answeredAccountID = trailers["latchkey-account"]
    }
    if route.changesCookie, let token = trailers["latchkey-session"] {
      exchange.change(token.isEmpty ? .take : .give(token))
    }
    guard route.changesCredentials else { return }
    authenticator.forget()
    sessions.forget()
    signer.forget()
  }

  /// Makes the answer of what a service said; where the route is signed, without its signature.
  func unsignedAnswer(
    _ route: ServedRoute,
    _ response: [UInt8],
    _ trailers: Metadata
  ) throws(Fault) -> Answer.Content {
    var content = Answer.Content(status: try Self.status(trailers, on: route))
    guard content.status != 204 else { return content }
    content.body = try route.response.json(response, isEnveloped: route.route.isEnveloped)
    content.cacheSeconds = route.route.cacheSeconds
    if route.route.isSigned {
      content.signatory = try Self.signatory(trailers, of: route)
    }
    return content
  }

  /// Makes the answer of what a service said.
  func answer(
    _ route: ServedRoute,
    _ response: [UInt8],
    _ trailers: Metadata
  ) async throws(Fault) -> Answer.Content {
    var content = try unsignedAnswer(route, response, trailers)
    if let signatory = content.signatory {
      content.signature = try await signer.signature(of: content.body, by: signatory)
    }
    return content
  }

  /// Signs an answer if that takes no waiting; false where the key must be asked for first.
  func signNow(_ content: inout Answer.Content) -> Bool {
    guard let signatory = content.signatory else { return true }
    guard let signature = signer.signatureNow(of: content.body, by: signatory) else { return false }
    content.signature = signature
    return true
  }

  /// The channel to the service that serves a route.
  func channel(of route: ServedRoute) throws(Fault) -> Channel {
    guard let channel = channels[route.route.service] else {
      throw .internalError("There is no channel to \(route.route.service)")
    }
    return channel
  }

  /// What is said beside the message of a route's call.
  func options(_ route: ServedRoute, _ message: [UInt8], _ exchange: Exchange) -> CallOptions {
    var options = CallOptions(requestID: exchange.id)
    options.sharedCaller = caller(exchange, sending: message)
    options.span = exchange.span
    return options
  }

  /// Whose key signs an answer: that of the account which the service names, if it does.
  private static func signatory(
    _ trailers: Metadata,
    of route: ServedRoute
  ) throws(Fault) -> ResponseSigner.Signatory {
    guard let text = trailers.bytes(of: "latchkey-account") else { return .onlyAccount }
    guard let account = text.withUnsafeBytes({ UUID(text: $0) }) else {
      throw .internalError("\(route.route.rpc) named an account that is none")
    }
    return .account(account)
  }

  /// The status of success: the route's, unless the service says another one in its trailers.
  ///
  /// What would have been made is sometimes there already, and a request that is sent again gets the answer of the
  /// first one.
  private static func status(_ trailers: Metadata, on route: ServedRoute) throws(Fault) -> Int {
    guard let text = trailers["latchkey-status"] else { return route.route.successStatus }
    guard let status = Int(text), (200...299).contains(status) else {
      throw .internalError("\(route.route.rpc) answered well with the status \(text)")
    }
    return status
  }

  /// Who is behind the call that sends `message`, as the services are told.
  ///
  /// A request that is sent again must ask for the same, hence the message.
  private func caller(_ exchange: Exchange, sending message: [UInt8]) -> Boxed<Caller> {
    let isAnonymous = exchange.principal == nil && exchange.idempotencyKey == nil
    if isAnonymous, case .none = exchange.credential {
      if let last = lastAnonymous, last.value.clientAddress == exchange.client.host {
        return last
      }
      let caller = Boxed(
        Caller(actorKind: .anonymous, clientAddress: exchange.client.host)
      )
      lastAnonymous = caller
      return caller
    }
    var caller = Caller(actorKind: .anonymous, clientAddress: exchange.client.host)
    if let principal = exchange.principal {
      caller.actorKind = principal.kind
      caller.accountId = principal.accountID
      caller.environment = principal.environment
      caller.actorId = principal.id
      caller.scopes = principal.scopes
      caller.sessionId = principal.sessionID
    } else if case .licenseKey(let key) = exchange.credential {
      caller.actorKind = .licenseKey
      caller.licenseKey = key
    }
    if let key = exchange.idempotencyKey {
      // API keys of an account share their Idempotency-Keys, as the contract has it. Users, and holders of licenses,
      // have nothing to do with each other's.
      let owner: String? =
        switch caller.actorKind {
        case .user: caller.actorId
        case .licenseKey: caller.licenseKey
        default: nil
        }
      caller.idempotencyKey = owner.map { SHA256.hash(key + Array($0.utf8)) } ?? key
      // What the caller may do is part of what is asked: what one API key was answered is not repeated to another with
      // other rights, but to its successor, which has the same. No scope has a NUL, so no two requests are the same bytes.
      let rights = Array(caller.scopes.sorted().joined(separator: " ").utf8)
      caller.requestHash = SHA256.hash(rights + [0] + message)
    }
    return Boxed(caller)
  }
}
