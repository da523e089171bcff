public import EventLoop
public import Messages
public import RPC

/// Who makes a change, and from where.
public struct Origin: Sendable, Equatable {
  /// What kind of credential stands behind it.
  public var kind: AuditEvent.Actor.Kind
  /// The API key, license or user; nil for what happens by itself.
  public var actorID: String?
  /// The request that the change is part of.
  public var requestID: String?
  /// Where the request came from.
  public var clientAddress: String?

  /// What Latchkey does by itself: an expiry that passed, a machine that died.
  public static let service = Origin(kind: .service)

  private init(kind: AuditEvent.Actor.Kind) { self.kind = kind }

  /// Who is behind a request that another service tells of.
  public init(_ actor: AuditEvent.Actor, requestID: String?, clientAddress: String?) {
    kind = actor.kind
    actorID = actor.id
    self.requestID = requestID
    self.clientAddress = clientAddress
  }

  /// Who is behind a call.
  ///
  /// A call without a caller comes from a process of the operator's, which its certificate shows.
  @EventLoop
  public init(_ call: Call) {
    guard let caller = call.caller else {
      self.init(kind: .operator)
      return
    }
    self.init(kind: .init(caller.actorKind))
    actorID = caller.actorId
    requestID = caller.requestId
    clientAddress = caller.clientAddress
  }
}

extension AuditEvent.Actor.Kind {
  fileprivate init(_ kind: Caller.ActorKind?) {
    self =
      switch kind {
      case .apiKey: .apiKey
      case .licenseKey: .licenseKey
      case .user: .user
      case .operator: .operator
      case .service: .service
      case .anonymous, nil: .anonymous
      }
  }
}
