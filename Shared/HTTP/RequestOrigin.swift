public import EventLoop

/// Who is on the other side of a request's connection.
public struct RequestOrigin: Sendable {
  /// The peer's address; nil when it was gone before it could be asked for.
  public let address: SocketAddress?
  /// The peer's IP address as text, written once for all requests of its connection.
  public let host: String?
  /// The DNS name in the peer's verified certificate; nil without mutual TLS.
  public var identity: String?
  /// Whether the connection is encrypted.
  public var isSecure: Bool

  /// Makes an origin.
  public init(address: SocketAddress?, identity: String?, isSecure: Bool) {
    self.address = address
    host = address?.host
    self.identity = identity
    self.isSecure = isSecure
  }
}
