public import HTTP
public import Messages
public import Primitives
public import Tracing

/// What a caller says beside the request.
public struct CallOptions: Sendable {
  /// The time for the whole call; nil takes the method's own.
  public var timeout: Duration?
  /// Fields to send.
  public var metadata: Metadata
  /// Who is behind the call; believed only from the gateway.
  public var caller: Caller? {
    get { sharedCaller?.value }
    set { sharedCaller = newValue.map { Boxed($0) } }
  }
  /// The same, for whoever makes many calls for one caller.
  public var sharedCaller: Boxed<Caller>?
  /// The request that the call is part of, for logs; believed only with a caller.
  public var requestID: String?

  /// What the call is made for, where that is recorded and no task tells.
  public var span: Span?

  /// Makes options.
  public init(
    timeout: Duration? = nil,
    metadata: Metadata = Metadata(),
    caller: Caller? = nil,
    requestID: String? = nil
  ) {
    self.timeout = timeout
    self.metadata = metadata
    sharedCaller = caller.map { Boxed($0) }
    self.requestID = requestID
  }
}
