internal import EventLoop

/// One request on an HTTP/1.1 connection and the answer to it.
///
/// What a handler sends is gathered here; the session moves it to the connection at the end of the tick. The
/// head waits until then, so that an answer that is complete within its tick has a `content-length`.
final class HTTP1Stream: ServerStream {
  let request: RequestHead
  let origin: RequestOrigin
  var received: [UInt8] = []
  var isRequestComplete = false
  var isClosed = false
  var hasDeadline = false
  var attachment: AnyObject?

  var connection: ObjectIdentifier { ObjectIdentifier(session) }

  /// Not asked for anything once the stream is closed, since a handler may keep the stream longer.
  private unowned let session: HTTP1ServerSession
  private let isVersion10: Bool
  /// Whether the connection could go on after this request, as far as the peer has a say.
  private var keepsAlive: Bool
  let openedAt: Instant
  var progressAt: Instant
  /// Received bytes that the handler has not acknowledged.
  var unacknowledged = 0
  /// Bytes held against the process's budget.
  private var budgeted = 0
  /// Whether there is a part of the body, or its end, that the handler has not been told of.
  var hasBodyNews = false

  private var status = 0
  private var fields = HeaderFields()
  private var output: [UInt8] = []
  private var outputSent = 0
  private var framing: HTTP1Response.Framing?
  /// Bytes that a declared length still promises.
  private var lengthLeft = 0
  private var hasFinished = false
  private var hasEnded = false
  private var wantsDrained = false
  private(set) var resetCode: StreamError?

  init(
    _ request: RequestHead,
    session: HTTP1ServerSession,
    isVersion10: Bool,
    keepsAlive: Bool,
    at now: Instant
  ) {
    self.request = request
    self.session = session
    origin = session.origin
    self.isVersion10 = isVersion10
    self.keepsAlive = keepsAlive
    openedAt = now
    progressAt = now
  }

  // MARK: The request's body

  @EventLoop func takeReceived() -> [UInt8] {
    let bytes = received
    received = []
    guard !isClosed else { return bytes }
    release()
    acknowledge()
    return bytes
  }

  @EventLoop func acknowledgeReceived() {
    let more = received.count - budgeted
    guard more > 0, !isClosed else { return }
    guard session.budget.reserve(more) else {
      reset(.enhanceYourCalm)
      return
    }
    budgeted += more
    acknowledge()
  }

  @EventLoop private func acknowledge() {
    unacknowledged = 0
    session.updateHold()
  }

  /// Gives back what the stream holds of the budget; called before the stream is closed.
  @EventLoop func release() {
    session.budget.release(budgeted)
    budgeted = 0
  }

  // MARK: The answer

  var outputPending: Int { output.count - outputSent }
  /// Whether the handler has begun to answer.
  var hasHead: Bool { status != 0 }
  /// Whether the handler has answered in full, so that what else comes of the request interests nobody.
  var isAnswered: Bool { hasFinished || resetCode != nil }
  /// Whether the head has left, so that no other answer can take its place.
  var isHeadProduced: Bool { framing != nil }

  @EventLoop func sendHead(status: Int, _ fields: HeaderFields, isEnd: Bool) {
    guard !isClosed, !hasHead else { return }
    self.status = status
    self.fields = fields
    hasFinished = isEnd
    session.setNeedsFlush()
  }

  @EventLoop func sendBody(_ write: (inout [UInt8]) -> Void) {
    guard !isClosed, !isAnswered else { return }
    if outputSent > 0, outputSent == output.count {
      output.removeAll(keepingCapacity: true)
      outputSent = 0
    }
    write(&output)
    if outputPending > HTTP2Stream.outputHighWater { wantsDrained = true }
    session.setNeedsFlush()
  }

  @EventLoop func finish(_ trailers: HeaderFields?) {
    guard !isClosed, !isAnswered else { return }
    precondition(hasHead, "an answer is finished that has no head")
    hasFinished = true
    session.setNeedsFlush()
  }

  @EventLoop func reset(_ code: StreamError) {
    // An answer that is complete is not taken back: "no error" only asks the peer to send no more.
    guard !isClosed, resetCode == nil, !(hasFinished && code == .noError) else { return }
    resetCode = code
    session.setNeedsFlush()
  }

  /// What ``produce(into:target:isLast:)`` has done.
  enum Progress {
    /// All there is was moved; the handler has not finished.
    case waiting
    /// There is more than fits.
    case full
    /// The answer was moved as a whole, and the connection can go on.
    case complete
    /// The answer was moved as a whole, and ends with the connection.
    case completeWithConnection
    /// The handler has sent less than it promised: only the end of the connection can tell.
    case broken
  }

  /// Moves what there is to the connection's output, about `target` bytes at most.
  ///
  /// With `isLast`, the connection takes no request after this one.
  func produce(into output: inout [UInt8], target: Int, isLast: Bool) -> Progress {
    guard hasHead else { return .waiting }
    let framing = self.framing ?? produceHead(into: &output, isLast: isLast)
    while outputPending > 0 {
      guard output.count < target else { return .full }
      move(min(outputPending, target - output.count), framing, to: &output)
    }
    guard hasFinished else { return .waiting }
    if framing == .chunked, !hasEnded { HTTP1Response.append("0\r\n\r\n", to: &output) }
    hasEnded = true
    if case .length = framing, lengthLeft > 0 { return .broken }
    return keepsAlive && framing != .untilClose ? .complete : .completeWithConnection
  }

  /// Whether the handler should be told that it may send more; once.
  func takeDrained() -> Bool {
    guard wantsDrained, outputPending <= HTTP2Stream.outputHighWater / 2 else { return false }
    wantsDrained = false
    return true
  }

  private func produceHead(into output: inout [UInt8], isLast: Bool) -> HTTP1Response.Framing {
    let (framing, length) = chooseFraming()
    self.framing = framing
    if case .length(let length) = framing { lengthLeft = length }
    // Who answers before the request has come in full does not read the rest of it.
    if isLast || !isRequestComplete || framing == .untilClose { keepsAlive = false }
    let connection: HTTP1Response.ConnectionOption =
      keepsAlive ? (isVersion10 ? .keepAlive : .none) : .close
    HTTP1Response.appendHead(
      status: status,
      fields,
      framing: framing,
      length: length,
      connection: connection,
      to: &output
    )
    return framing
  }

  /// How the body is framed, and what `content-length` says.
  ///
  /// Source: RFC 9112, section 6.3.
  private func chooseFraming() -> (HTTP1Response.Framing, length: Int?) {
    let declared = fields["content-length"].flatMap { Int($0) }
    let known = declared ?? (hasFinished ? outputPending : nil)
    if status == 204 || status == 304 { return (.none, nil) }
    if request.method == .head { return (.none, known) }
    if let known { return (.length(known), known) }
    return (isVersion10 ? .untilClose : .chunked, nil)
  }

  private func move(_ count: Int, _ framing: HTTP1Response.Framing, to target: inout [UInt8]) {
    let piece = output[outputSent..<(outputSent + count)]
    outputSent += count
    switch framing {
    case .none: break
    case .length:
      // More than was promised would pass for the next answer.
      target.append(contentsOf: piece.prefix(lengthLeft))
      lengthLeft -= min(lengthLeft, count)
    case .chunked: HTTP1Response.appendChunk(piece, to: &target)
    case .untilClose: target.append(contentsOf: piece)
    }
  }
}
