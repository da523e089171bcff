public import HTTP
public import Messages

/// What a caller says beside the request.
public struct CallOptions: Sendable {
  /// The time for the whole call; nil takes the method's own.
  public var timeout: Duration?
  /// Fields to send.
  public var metadata: Metadata
  /// Who is behind the call; believed only from the gateway.
  public var caller: Caller?

  /// Makes options.
  public init(timeout: Duration? = nil, metadata: Metadata = Metadata(), caller: Caller? = nil) {
    self.timeout = timeout
    self.metadata = metadata
    self.caller = caller
  }
}
