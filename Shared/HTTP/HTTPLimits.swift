/// What one peer may use of us.
///
/// Every number is a bound on memory or on time.
public struct HTTPLimits: Sendable {
  /// Bytes of a request's fields, as HTTP/2 counts them.
  ///
  /// Ours need a few hundred; 16 KiB is what common proxies allow.
  public var headerBytesMax = 16 * 1024
  /// Requests that one connection may have open.
  ///
  /// RFC 9113, section 5.1.2, recommends at least 100. Not many more: a peer that takes no answers costs
  /// about 10 KiB a stream until the write time-out.
  public var streamsMax = 128
  /// Body bytes of one stream that we take before the request handler has read the ones before.
  public var streamWindowBytes = 64 * 1024
  /// Body bytes of all streams of one connection that we take before they are read.
  public var connectionWindowBytes = 1024 * 1024
  /// Connections open at a time.
  public var connectionsMax = 10_000
  /// From the connection's start to the end of the TLS handshake.
  public var handshakeTimeout = Duration.seconds(10)
  /// From a request's first byte, or a connection's first, to the end of its fields.
  public var headerTimeout = Duration.seconds(10)
  /// Between two pieces of a request's body; nil where streams may rest, as in RPC, which has deadlines.
  public var bodyTimeout: Duration? = .seconds(20)
  /// For a whole request body, however steadily it dribbles; nil as above.
  public var bodyTotalTimeout: Duration? = .seconds(120)
  /// Between two moments in which the peer takes something of what we have to send.
  public var writeTimeout = Duration.seconds(20)
  /// Without any open request.
  public var idleTimeout = Duration.seconds(75)

  /// The defaults.
  public init() {}
}
