internal import CNGHTTP2
public import EventLoop

/// One stream of an HTTP/2 session: a request and its answer, seen from the server's or the client's side.
public final class HTTP2Stream: ServerStream {
  /// Output that a stream gathers before its writer should wait: one full frame.
  ///
  /// More would gain nothing, as the writer goes on within the same tick that sends it, and a peer
  /// that reads nothing may have 1,024 streams.
  public static let outputHighWater = 16 * 1024

  /// The stream's number; zero until it has one.
  public internal(set) var id: Int32 = 0
  /// Who is on the other side.
  public var origin: RequestOrigin { session.origin }
  /// Which of the open connections the request has come on.
  public var connection: ObjectIdentifier { ObjectIdentifier(session) }
  /// Strong: the session's own reference to the stream ends when the stream is closed, and with it the cycle.
  let session: HTTP2Session
  /// The request's head; on the client's side what was sent, without its fields.
  public internal(set) var request = RequestHead()
  /// On the client's side, the answer's status; zero until it has come.
  public internal(set) var status = 0
  /// On the client's side, the answer's fields.
  public internal(set) var responseFields = HeaderFields()
  /// Fields that followed the body.
  public internal(set) var trailers: HeaderFields?
  /// Body bytes that have come and were not taken yet.
  public internal(set) var received: [UInt8] = []
  /// Whether the other side has sent all it will.
  public internal(set) var isRequestComplete = false
  /// Whether the stream is over.
  public internal(set) var isClosed = false
  /// Why the stream was closed: an HTTP/2 error code.
  public internal(set) var errorCode: UInt32 = 0
  /// Whether the stream was closed because its connection is gone.
  public internal(set) var wasConnectionLost = false
  /// Whether the handler ends the request by a deadline of its own.
  public var hasDeadline = false
  /// What the handler keeps with the stream.
  public var attachment: AnyObject?
  /// On the client's side, who waits for the answer.
  var responseHandler: (any ResponseHandler)?

  /// Received bytes that the peer may not replace yet.
  var unacknowledged = 0
  /// Bytes held against the process's budget.
  var budgeted = 0
  /// Where the session has it among its open streams.
  var place = 0
  var isTouched = false
  var isHeadComplete = false
  var wasHeadDelivered = false
  var wasCloseDelivered = false
  /// Whether there is a part of the body, or its end, that the handler has not been told of.
  var hasBodyNews = false
  var wantsDrained = false
  var hasDrained = false
  /// Receives header blocks; moved to its place when the block is complete.
  var isReadingTrailers = false
  /// When the stream was opened.
  public internal(set) var openedAt = Instant(nanoseconds: 0)
  var progressAt = Instant(nanoseconds: 0)
  /// When the peer last took something of the output, or the output began.
  private(set) var outputProgressAt = Instant(nanoseconds: 0)

  private(set) var output: [UInt8] = []
  private(set) var outputSent = 0
  private var isOutputFinished = false
  private var trailersToSend: HeaderFields?
  private var hasSubmitted = false
  /// The data source has told nghttp2 to wait.
  private var isDeferred = false

  init(session: HTTP2Session, storage: consuming Storage) {
    self.session = session
    exchange(with: &storage)
  }

  /// What nghttp2 knows the stream by.
  ///
  /// Not retained: the session keeps it until the close callback.
  var context: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

  /// Gives and takes the parts that are kept from stream to stream.
  ///
  /// Exchanged, as a copy counts two references for each of their eight arrays.
  private func exchange(with storage: inout Storage) {
    swap(&request, &storage.request)
    swap(&responseFields, &storage.responseFields)
    swap(&received, &storage.received)
    swap(&output, &storage.output)
  }

  /// The memory of a closed stream, kept for the next one, so that a request costs few allocations.
  struct Storage {
    /// What is larger than this is not worth keeping.
    fileprivate static let bytesMax = 8 * 1024

    var request = RequestHead()
    var responseFields = HeaderFields()
    var received: [UInt8] = []
    var output: [UInt8] = []

    /// Empties what there is.
    ///
    /// Memory that somebody else still holds is left to them.
    mutating func clear() {
      if received.capacity > Storage.bytesMax { received = [] }
      if output.capacity > Storage.bytesMax { output = [] }
      received.removeAll(keepingCapacity: true)
      output.removeAll(keepingCapacity: true)
      request.removeAll()
      responseFields.removeAll()
    }
  }

  /// Gives up the memory of a stream that is closed and that its handler is through with.
  func takeStorage() -> Storage {
    var storage = Storage()
    exchange(with: &storage)
    outputSent = 0
    storage.clear()
    return storage
  }

  /// Bytes sent and not yet framed.
  public var outputPending: Int { output.count - outputSent }

  /// Removes the received bytes and lets the peer send as many again.
  @EventLoop public func takeReceived() -> [UInt8] {
    let bytes = received
    received = []
    letSendOn()
    return bytes
  }

  /// Removes the received bytes, whose memory stays for what comes next, and lets the peer send as many again.
  @EventLoop public func dropReceived() {
    if received.capacity > Storage.bytesMax { received = [] }
    received.removeAll(keepingCapacity: true)
    letSendOn()
  }

  @EventLoop private func letSendOn() {
    // A closed stream has been settled, and its session may be gone.
    guard !isClosed else { return }
    acknowledge()
    session.release(budgeted)
    budgeted = 0
  }

  /// Gives the memory of a stream that is over to the connection's next one; the stream is empty afterwards.
  ///
  /// Without effect while the stream is open.
  @EventLoop public func recycle() {
    if wasCloseDelivered { session.recycle(self) }
  }

  /// Lets the peer send on while the bytes stay, held against the budget.
  @EventLoop public func acknowledgeReceived() {
    guard !isClosed else { return }
    let more = received.count - budgeted
    guard more > 0 else { return }
    guard session.reserve(more) else {
      reset(.enhanceYourCalm)
      return
    }
    budgeted += more
    acknowledge()
  }

  @EventLoop private func acknowledge() {
    guard unacknowledged > 0 else { return }
    session.consume(unacknowledged, of: self)
    unacknowledged = 0
  }

  /// Sends the answer's head, once.
  @EventLoop public func sendHead(status: Int, _ fields: HeaderFields, isEnd: Bool) {
    guard !isClosed, !hasSubmitted else { return }
    hasSubmitted = true
    if isEnd { isOutputFinished = true }
    session.submitResponse(status: status, fields, isEnd: isEnd, for: self)
    session.setNeedsFlush()
  }

  /// Sends the head of a request from the client's side.
  @EventLoop func markSubmitted() { hasSubmitted = true }

  /// Sends a piece of the body.
  @EventLoop public func sendBody(_ write: (inout [UInt8]) -> Void) {
    guard !isClosed, !isOutputFinished else { return }
    if outputSent > 0 && outputSent == output.count {
      output.removeAll(keepingCapacity: true)
      outputSent = 0
    } else if outputSent >= max(outputPending, HTTP2Stream.outputHighWater) {
      // A peer that never takes the last byte must not have us keep all that it took.
      output.removeFirst(outputSent)
      outputSent = 0
    }
    if outputPending == 0 { outputProgressAt = session.now }
    write(&output)
    if outputPending > HTTP2Stream.outputHighWater { wantsDrained = true }
    resume()
  }

  /// Ends what this side sends.
  @EventLoop public func finish(_ trailers: HeaderFields?) {
    guard !isClosed, !isOutputFinished else { return }
    isOutputFinished = true
    trailersToSend = trailers
    resume()
  }

  /// Gives the stream up.
  @EventLoop public func reset(_ code: StreamError) {
    guard !isClosed else { return }
    session.submitReset(code, for: self)
    session.setNeedsFlush()
  }

  @EventLoop private func resume() {
    if isDeferred {
      isDeferred = false
      session.resumeData(of: self)
    }
    session.setNeedsFlush()
  }

  /// nghttp2 asks for body bytes to frame: `nghttp2_data_source_read_callback`.
  func read(into buffer: UnsafeMutablePointer<UInt8>, _ length: Int, _ flags: inout UInt32) -> Int {
    let count = min(length, outputPending)
    if count > 0 {
      output.withUnsafeBufferPointer { bytes in
        if let base = bytes.baseAddress { buffer.update(from: base + outputSent, count: count) }
      }
      outputSent += count
      outputProgressAt = session.now
      if wantsDrained, outputPending <= HTTP2Stream.outputHighWater / 2 {
        wantsDrained = false
        session.touchDrained(self)
      }
    }
    if outputPending > 0 { return count }
    if isOutputFinished {
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
      if let trailersToSend {
        flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
        self.trailersToSend = nil
        session.submitTrailers(trailersToSend, for: self)
      }
      return count
    }
    if count == 0 {
      isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    return count
  }
}
