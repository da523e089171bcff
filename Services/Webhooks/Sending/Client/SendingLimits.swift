/// What one delivery, and all of them together, may take.
public struct SendingLimits: Sendable {
  /// The time for the whole delivery, from the look-up of the name to the last byte of the reply.
  ///
  /// Source: the Licentric contract, section 5.5: a 2xx within 10 s.
  public var total = Duration.seconds(10)
  /// The part of it for TCP and TLS.
  public var connect = Duration.seconds(5)
  /// Bytes of a reply's headers, interim replies and trailers included; what common servers send is below 4 KiB.
  public var headBytesMax = 16 * 1024
  /// Lines of them.
  public var headLinesMax = 100
  /// Bytes of them that are kept for the log.
  public var headBytesKept = 4 * 1024
  /// Bytes of a reply's body before the rest is not read.
  public var bodyBytesMax = 64 * 1024
  /// Bytes of it that are kept for the log.
  public var bodyBytesKept = 1024
  /// Requests under way at a time; further ones wait in the order they came, and their time does not run yet.
  ///
  /// Large, since receivers that hang keep their places for the whole of ``total``: what one endpoint may take of it is
  /// ``EndpointLimiter``'s part, and ``HTTPSender/shareOfOne``'s.
  public var concurrentMax = 1024
  /// Connections that are kept open for the next delivery.
  public var idleConnectionsMax = 512
  /// Sockets that there are at most: one a request, where several addresses are tried at once two, and those kept open.
  public var openFilesMax: Int { 2 * concurrentMax + idleConnectionsMax }
  /// How long a connection serves before a new one is made, so that receivers that move are followed.
  public var connectionAge = Duration.seconds(300)

  /// Makes the standard limits.
  public init() {}
}
