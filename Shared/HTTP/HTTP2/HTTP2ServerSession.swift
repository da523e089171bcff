internal import EventLoop

/// The server's side of an HTTP/2 connection.
@EventLoop
final class HTTP2ServerSession: ServerSession {
  private let session: HTTP2Session
  private let handler: any RequestHandler
  private let limits: HTTPLimits
  private var openedAt = Instant.now
  private var idleSince: Instant?
  private var drainingSince: Instant?
  private var hasFinishedDraining = false
  private var delivering: [HTTP2Stream] = []

  init(
    handler: any RequestHandler,
    limits: HTTPLimits,
    budget: BodyBudget,
    origin: RequestOrigin,
    requestFlush: @escaping @EventLoop () -> Void
  ) {
    self.handler = handler
    self.limits = limits
    session = HTTP2Session(
      .server,
      limits: limits,
      budget: budget,
      origin: origin,
      requestFlush: requestFlush
    )
    idleSince = openedAt
    requestFlush()
  }

  var openCount: Int { session.streams.count }

  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let goesOn = session.receive(bytes)
    deliver()
    return goesOn
  }

  func receivedEnd() -> Bool { false }

  func produce(into output: inout [UInt8], target: Int) -> Bool {
    let isIntact = session.produce(into: &output, target: target)
    deliver()
    return isIntact && !session.isFinished
  }

  private func deliver() {
    guard session.hasTouched else { return }
    var streams = delivering
    delivering = []
    while session.hasTouched {
      session.takeTouched(into: &streams)
      for stream in streams { deliver(stream) }
    }
    streams.removeAll(keepingCapacity: true)
    delivering = streams
  }

  private func deliver(_ stream: HTTP2Stream) {
    if stream.isHeadComplete, !stream.wasHeadDelivered {
      stream.wasHeadDelivered = true
      handler.receivedHead(stream)
    }
    guard stream.wasHeadDelivered else {
      if stream.isClosed { session.settle(stream) }
      return
    }
    if stream.hasBodyNews, !stream.isClosed || stream.isRequestComplete {
      stream.hasBodyNews = false
      handler.receivedBody(stream)
    }
    if stream.hasDrained {
      stream.hasDrained = false
      if !stream.isClosed { handler.drained(stream) }
    }
    if stream.isClosed, !stream.wasCloseDelivered {
      stream.wasCloseDelivered = true
      session.settle(stream)
      handler.closed(stream)
      stream.attachment = nil
      session.recycle(stream)
    }
  }

  func beginDraining() {
    guard drainingSince == nil else { return }
    drainingSince = Instant.now
    session.beginDraining()
  }

  func connectionClosed() {
    session.closeAll()
    deliver()
  }

  func checkTimeouts(at now: Instant) -> Bool {
    // The peer has had time to see the first GOAWAY; the second one refuses its newest streams.
    if let drainingSince, !hasFinishedDraining, now - drainingSince > HTTPServer.drainNotice {
      hasFinishedDraining = true
      session.finishDraining()
    }
    if session.streams.isEmpty {
      let since = idleSince ?? now
      idleSince = since
      // A peer that has never opened a stream has only the time for a head.
      if !session.hasOpened, now - openedAt > limits.headerTimeout { return false }
      if now - since > limits.idleTimeout { session.terminateIdle() }
      return true
    }
    idleSince = nil
    for stream in session.streams {
      if !stream.isHeadComplete {
        // A block of header frames that does not end holds up the whole connection.
        if now - stream.openedAt > limits.headerTimeout { return false }
      } else if isTooSlow(stream, now) {
        stream.reset(.cancel)
      }
    }
    return true
  }

  private func isTooSlow(_ stream: HTTP2Stream, _ now: Instant) -> Bool {
    if !stream.isRequestComplete, let body = limits.bodyTimeout, let total = limits.bodyTotalTimeout
    {
      // While we hold the peer up, the time is ours.
      if stream.unacknowledged == 0, now - stream.progressAt > body { return true }
      if !stream.hasDeadline, now - stream.openedAt > total { return true }
    }
    return stream.outputPending > 0 && now - stream.outputProgressAt > limits.writeTimeout
  }
}
