public import EventLoop

/// One request and the answer to it, over HTTP/2 or HTTP/1.1 alike.
///
/// A plain class of the loop's isolation. What is sent is gathered and leaves at the end of the tick.
public protocol ServerStream: AnyObject {
  /// The request's head; complete when the handler first sees the stream, and empty once it was told that the stream is
  /// closed, as its memory then serves the next request. Whoever needs it longer copies it.
  var request: RequestHead { get }
  /// When the request began.
  var openedAt: Instant { get }
  /// Who sent the request.
  var origin: RequestOrigin { get }
  /// Which of the open connections the request has come on.
  var connection: ObjectIdentifier { get }
  /// Body bytes that have come and were not taken yet.
  var received: [UInt8] { get }
  /// Whether the request is complete; no byte comes after those in ``received``.
  var isRequestComplete: Bool { get }
  /// Whether the peer has gone or has reset the stream; what is sent goes nowhere.
  var isClosed: Bool { get }
  /// Whether the handler ends the request by a deadline of its own, in place of ``HTTPLimits/bodyTotalTimeout``: one that
  /// passes a body on may be held up itself.
  var hasDeadline: Bool { get set }
  /// What the handler wants to keep with the stream.
  var attachment: AnyObject? { get set }
  /// Bytes sent and not yet taken by the connection. Whoever streams stops above ``HTTP2Stream/outputHighWater``
  /// and goes on at ``RequestHandler/drained(_:)``.
  var outputPending: Int { get }

  /// Removes the received bytes and lets the peer send as many again.
  @EventLoop func takeReceived() -> [UInt8]
  /// Does the same for a handler that has read them in place, so that their memory can serve again.
  @EventLoop func dropReceived()
  /// Lets the peer send as many bytes again as it has sent, and keeps them in ``received``: for a handler that gathers
  /// a whole body. The sum is held against the process's budget.
  @EventLoop func acknowledgeReceived()
  /// Sends the answer's head. Once. With `isEnd` it is the whole answer.
  @EventLoop func sendHead(status: Int, _ fields: HeaderFields, isEnd: Bool)
  /// Sends a piece of the body, written by `write` to the end of the buffer it is given.
  @EventLoop func sendBody(_ write: (inout [UInt8]) -> Void)
  /// Ends the answer. Trailers are dropped over HTTP/1.1, which our clients do not ask for.
  ///
  /// A peer that has not sent its whole request by then is told to stop: over HTTP/2 by a reset without error
  /// (RFC 9113, section 8.1), over HTTP/1.1 by the end of the connection.
  @EventLoop func finish(_ trailers: HeaderFields?)
  /// Gives the stream up without an answer, or in the middle of one.
  @EventLoop func reset(_ code: StreamError)
}

extension ServerStream {
  /// Removes the received bytes and lets the peer send as many again.
  @EventLoop public func dropReceived() { _ = takeReceived() }
}

/// Why a stream was given up.
///
/// Source: RFC 9113, section 7.
public enum StreamError: UInt32, Sendable {
  case noError = 0x0
  case protocolError = 0x1
  case internalError = 0x2
  case refusedStream = 0x7
  case cancel = 0x8
  case enhanceYourCalm = 0xb
}

/// What answers requests.
///
/// All calls come from the loop, outside any job.
@EventLoop
public protocol RequestHandler: AnyObject {
  /// A request's head has come, perhaps with more behind it.
  func receivedHead(_ stream: any ServerStream)
  /// Body bytes have come, or the request has become complete.
  func receivedBody(_ stream: any ServerStream)
  /// The peer has taken so much of what was sent that more may follow.
  func drained(_ stream: any ServerStream)
  /// The stream is over: answered in full, reset, or lost with its connection.
  func closed(_ stream: any ServerStream)
  /// What is answered to a request that cannot be shown to the handler because it is malformed, too large or too slow.
  ///
  /// - Parameters:
  ///   - status: The HTTP status that goes with it.
  ///   - message: A sentence for the peer; it quotes nothing of the request.
  ///   - origin: Who the peer is.
  /// - Returns: The answer's fields, without any that frame the body, and its body.
  func refusal(status: Int, message: String, to origin: RequestOrigin) -> (
    fields: HeaderFields, body: [UInt8]
  )
}

extension RequestHandler {
  /// The sentence as plain text.
  public func refusal(status: Int, message: String, to origin: RequestOrigin) -> (
    fields: HeaderFields, body: [UInt8]
  ) {
    (HeaderFields(["content-type": "text/plain; charset=utf-8"]), Array((message + "\n").utf8))
  }
}
