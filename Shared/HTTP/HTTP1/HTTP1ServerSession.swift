internal import EventLoop

/// The server's side of an HTTP/1.1 connection: one request after the other, answered in their order.
///
/// Requests that a peer sends ahead (pipelining) wait as bytes until the answers before them are out.
@EventLoop
final class HTTP1ServerSession: ServerSession {
  /// Bytes of requests sent ahead before the peer is held up: a few of the usual size.
  private static let pipelineBytesMax = 16 * 1024

  let origin: RequestOrigin
  let budget: BodyBudget
  private let handler: any RequestHandler
  private let limits: HTTPLimits
  private let requestFlush: @EventLoop () -> Void
  private let holdPeer: @EventLoop (Bool) -> Void
  private var parser: HTTP1Parser
  /// The last answer is given; what still comes is thrown away.
  private var hasEnded = false
  private var stream: HTTP1Stream?
  /// Bytes behind the request that is being answered, from `pendingStart` on.
  private var pending: [UInt8] = []
  private var pendingStart = 0
  /// What is sent before the stream's answer: `100 Continue`, or a refusal.
  private var notices: [UInt8] = []
  private var isHolding = false
  private var isDraining = false
  private var hasServed = false
  /// When the current wait began: for a request's first byte, or for the end of its head.
  private var waitingSince: Instant
  private var isHeadBegun = false

  init(
    handler: any RequestHandler,
    limits: HTTPLimits,
    budget: BodyBudget,
    origin: RequestOrigin,
    requestFlush: @escaping @EventLoop () -> Void,
    holdPeer: @escaping @EventLoop (Bool) -> Void
  ) {
    self.handler = handler
    self.limits = limits
    self.budget = budget
    self.origin = origin
    self.requestFlush = requestFlush
    self.holdPeer = holdPeer
    parser = HTTP1Parser(headerBytesMax: limits.headerBytesMax)
    waitingSince = Instant.now
  }

  var openCount: Int { stream == nil ? 0 : 1 }

  // MARK: Bytes in

  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard !hasEnded else { return false }
    let taken = pendingStart < pending.count ? 0 : read(bytes)
    pending.append(contentsOf: bytes.part(taken..<bytes.count))
    updateHold()
    return true
  }

  func receivedEnd() -> Bool { false }

  /// Reads requests until one waits for its answer, and returns how many bytes that took.
  private func read(_ bytes: UnsafeRawBufferPointer) -> Int {
    let now = Instant.now
    var offset = 0
    while !hasEnded {
      if let stream, stream.isRequestComplete { return offset }
      if let stream, stream.request.isTooLarge || stream.resetCode != nil { return bytes.count }
      switch parser.next(bytes, from: &offset) {
      case .needsMore:
        noteWait(at: now)
        deliverBody()
        return offset
      case .head, .headTooLarge:
        open(at: now, hasMore: offset < bytes.count)
      case .body(let range):
        note(bytes.part(range), at: now)
      case .end:
        stream?.isRequestComplete = true
        stream?.hasBodyNews = true
        deliverBody()
      case .refused(let refusal):
        refuse(refusal)
      }
    }
    return bytes.count
  }

  private func noteWait(at now: Instant) {
    if stream == nil, !isHeadBegun, parser.isReadingHead {
      isHeadBegun = true
      waitingSince = now
    }
  }

  private func open(at now: Instant, hasMore: Bool) {
    isHeadBegun = false
    hasServed = true
    let expectsContinue = parser.expectsContinue
    let stream = HTTP1Stream(
      parser.takeHead(),
      session: self,
      isVersion10: parser.isVersion10,
      keepsAlive: parser.keepsAlive,
      at: now
    )
    self.stream = stream
    handler.receivedHead(stream)
    // A peer that sends its body anyway does not wait for anything.
    if expectsContinue, !hasMore, !stream.hasHead, !stream.isAnswered {
      HTTP1Response.append(HTTP1Response.continueBytes, to: &notices)
      requestFlush()
    }
  }

  private func note(_ piece: UnsafeRawBufferPointer, at now: Instant) {
    guard let stream else { return }
    stream.progressAt = now
    if stream.isAnswered { return }
    stream.received.append(contentsOf: piece)
    stream.unacknowledged += piece.count
    stream.hasBodyNews = true
  }

  private func deliverBody() {
    guard let stream, stream.hasBodyNews else { return }
    stream.hasBodyNews = false
    if !stream.isAnswered { handler.receivedBody(stream) }
  }

  /// Answers a request that is none, and takes no more.
  private func refuse(_ refusal: HTTP1Refusal) {
    if stream?.isHeadProduced == true {
      // In the middle of an answer only the end of the connection can tell.
      end()
      return
    }
    closeStream()
    let (fields, body) = handler.refusal(
      status: refusal.status,
      message: refusal.message,
      to: origin
    )
    HTTP1Response.appendRefusal(status: refusal.status, fields, body, to: &notices)
    end()
  }

  // MARK: Bytes out

  func setNeedsFlush() { requestFlush() }

  func produce(into output: inout [UInt8], target: Int) -> Bool {
    while true {
      output.append(contentsOf: notices)
      notices = []
      if hasEnded { return false }
      guard let stream else { return !isDraining || parser.isReadingHead }
      if let code = stream.resetCode {
        giveUp(stream, code)
        continue
      }
      let progress = stream.produce(into: &output, target: target, isLast: isDraining)
      if stream.takeDrained() { handler.drained(stream) }
      switch progress {
      case .waiting, .full: return true
      case .broken, .completeWithConnection: end()
      case .complete: beginNext()
      }
    }
  }

  /// Ends a stream that its handler has given up.
  private func giveUp(_ stream: HTTP1Stream, _ code: StreamError) {
    // Who has not been answered can be told that it is no fault of the request.
    if !stream.isHeadProduced, code == .enhanceYourCalm || code == .refusedStream {
      let busy = HTTP1Refusal(status: 503, message: "The server is busy")
      refuse(busy)
    } else {
      end()
    }
  }

  private func beginNext() {
    closeStream()
    parser.begin()
    waitingSince = Instant.now
    guard pendingStart < pending.count else { return }
    pendingStart += pending.withUnsafeBytes { read($0.part(pendingStart..<$0.count)) }
    if pendingStart == pending.count {
      // An idle connection keeps no memory for requests that were sent ahead.
      pending = []
      pendingStart = 0
    }
    updateHold()
  }

  private func closeStream() {
    guard let stream else { return }
    self.stream = nil
    stream.release()
    stream.isClosed = true
    handler.closed(stream)
    stream.attachment = nil
  }

  /// Ends the connection as soon as its output is out.
  private func end() {
    hasEnded = true
    closeStream()
    requestFlush()
  }

  /// Holds the peer up while it has sent more than we want to keep.
  func updateHold() {
    let isBehind = (stream?.unacknowledged ?? 0) >= limits.streamWindowBytes
    let isAhead = pending.count - pendingStart >= HTTP1ServerSession.pipelineBytesMax
    let shallHold = isBehind && stream?.isAnswered == false || isAhead
    guard shallHold != isHolding else { return }
    isHolding = shallHold
    holdPeer(shallHold)
  }

  // MARK: The end

  func beginDraining() {
    isDraining = true
    requestFlush()
  }

  func connectionClosed() {
    hasEnded = true
    closeStream()
  }

  func checkTimeouts(at now: Instant) -> Bool {
    // The connection ends within the time that it has for it.
    guard !hasEnded else { return true }
    if let stream {
      checkBody(of: stream, at: now)
    } else if isHeadBegun {
      if now - waitingSince > limits.headerTimeout {
        refuse(HTTP1Refusal(status: 408, message: "The request did not come in time"))
      }
    } else if now - waitingSince > (hasServed ? limits.idleTimeout : limits.headerTimeout) {
      // Between requests no answer is owed, and one could pass for the answer to the next request.
      end()
    }
    return true
  }

  private func checkBody(of stream: HTTP1Stream, at now: Instant) {
    guard !stream.isRequestComplete, let limit = limits.bodyTimeout,
      let total = limits.bodyTotalTimeout
    else { return }
    // While we hold the peer up, the time is ours.
    let isStalled = stream.unacknowledged == 0 && now - stream.progressAt > limit
    let isOverdue = !stream.hasDeadline && now - stream.openedAt > total
    guard isStalled || isOverdue else { return }
    refuse(HTTP1Refusal(status: 408, message: "The request's body did not come in time"))
  }
}
