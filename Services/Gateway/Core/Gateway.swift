public import EventLoop
internal import Faults
public import HTTP
public import Logging
internal import Messages
internal import Primitives
internal import Protobuf
public import RPC
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
  static let callTimeout = Duration.seconds(8)

  let router: Router<ServedRoute>
  private let channels: [String: Channel]
  private let authenticator: APIKeyAuthenticator
  private let signer: ResponseSigner
  let failures: FailureLog

  /// Makes a gateway for every route of the contracts.
  ///
  /// - Parameters:
  ///   - keys: The channel to the keys service.
  ///   - licenses: The channel to the licenses service.
  ///   - log: Where failures of ours are told.
  public init(keys: Channel, licenses: Channel, log: Logger) {
    router = Router(Route.all)
    channels = [KeysMethods.serviceName: keys, LicensesMethods.serviceName: licenses]
    failures = FailureLog(log)
    let questions = KeysQuestions(keys)
    authenticator = APIKeyAuthenticator { (hash) async throws(Fault) in
      try await questions.verdict(onHash: hash)
    }
    signer = ResponseSigner { (signatory) async throws(Fault) in
      try await questions.signingKey(of: signatory)
    }
  }

  // MARK: RequestHandler

  /// Begins with a request.
  public func receivedHead(_ stream: any ServerStream) {
    let exchange = Exchange(stream, gateway: self)
    stream.attachment = exchange
    exchange.begin()
  }

  /// Goes on with a request.
  public func receivedBody(_ stream: any ServerStream) {
    (stream.attachment as? Exchange)?.receive()
  }

  /// Answers are small and sent whole, so there is nothing to go on with.
  public func drained(_ stream: any ServerStream) {}

  /// Gives up a request whose client is gone.
  public func closed(_ stream: any ServerStream) {
    (stream.attachment as? Exchange)?.cancel()
  }

  // MARK: The steps of a request

  /// Whose key a request brought.
  ///
  /// - Throws: ``Fault`` `unauthenticated` for a bad key, `permissionDenied` for one without the scope.
  func principal(
    forKeyHash hash: [UInt8],
    on route: ServedRoute
  ) async throws(Fault) -> Principal {
    let principal = try await authenticator.principal(forHash: hash)
    if let scope = route.route.scope, !principal.holds(scope) {
      throw Fault(.permissionDenied, "This API key lacks the scope \(scope)", reason: .forbidden)
    }
    return principal
  }

  /// Makes the call of a route, and the answer of what comes back.
  func call(
    _ route: ServedRoute,
    _ request: [UInt8],
    by principal: Principal?,
    for exchange: Exchange
  ) async throws(Fault) -> Answer.Content {
    guard let channel = channels[route.route.service] else {
      throw .internalError("There is no channel to \(route.route.service)")
    }
    let options = CallOptions(
      timeout: route.route.timeout ?? Self.callTimeout,
      caller: caller(principal, exchange)
    )
    let (response, trailers): (RawMessage, Metadata) = try await channel.unaryWithTrailers(
      route.method,
      RawMessage(request),
      options
    )
    if route.changesKeys { authenticator.forget() }
    var content = Answer.Content(status: route.route.successStatus)
    guard content.status != 204 else { return content }
    content.body = try route.response.json(response.bytes, isEnveloped: route.route.isEnveloped)
    if route.route.isSigned {
      let signatory = trailers["latchkey-account"].map(ResponseSigner.Signatory.account)
      content.signature = try await signer.signature(
        of: content.body,
        by: signatory ?? .onlyAccount
      )
    }
    return content
  }

  private func caller(_ principal: Principal?, _ exchange: Exchange) -> Caller {
    Caller(
      accountId: principal?.accountID,
      environment: principal?.environment,
      actorKind: principal == nil ? .anonymous : .apiKey,
      actorId: principal?.keyID,
      scopes: principal?.scopes ?? [],
      clientAddress: exchange.stream.origin.host,
      requestId: exchange.id
    )
  }
}
