internal import EventLoop
internal import Faults
internal import HTTP
internal import Protobuf
internal import Tracing

/// The client's end of a trunk: one stream of a connection that carries many unary calls.
///
/// It is opened when the first call would use it, and used once the server has agreed; until then, and where the server
/// does not know trunks, calls have streams of their own. So no call is ever lost to the attempt. When the connection takes
/// no more calls, the calls under way come to their end and the trunk with them.
@EventLoop
final class ClientTrunk: ResponseHandler {
  static let path = "/latchkey.rpc.v1.Trunk/Carry"
  /// Calls with more are better off with a stream of their own: on a trunk, others wait behind them.
  private static let recordBytesMax = ServerTrunk.recordBytesMax
  /// What may wait to be sent; a server that does not keep up gets no more calls by the trunk.
  private static let outputPendingMax = 256 * 1024
  /// How long a trunk that has broken is left alone.
  private static let pause = Duration.seconds(1)

  private enum State {
    /// There is none, and may be one after some time.
    case none(until: Instant)
    /// The server has not answered yet.
    case opening
    case open
    /// The server knows no trunks, or the connection takes no more calls.
    case closed
  }

  private let connection: HTTP2ClientConnection
  private var state = State.none(until: Instant(nanoseconds: 0))
  private var stream: HTTP2Stream?
  private var hasSentEnd = false
  private let calls = CallTable<TrunkedCall>()
  /// The beginning of a reply whose rest is still to come.
  private var rest: [UInt8] = []
  /// Places that are free, and how many have ever been taken.
  private var freePlaces: [UInt64] = []
  private var placesTaken: UInt64 = 0
  private var callsBegun: UInt64 = 0

  init(_ connection: HTTP2ClientConnection) { self.connection = connection }

  /// Whether calls can be sent; where there is no trunk yet, one is opened.
  func isOpen(at now: Instant) -> Bool {
    switch state {
    case .open: return true
    case .opening, .closed: return false
    case .none(let until):
      if now >= until { open() }
      return false
    }
  }

  private func open() {
    guard
      let stream = connection.open(
        method: "POST",
        path: Self.path,
        fields: CallFields.constant,
        handler: self
      )
    else { return }
    self.stream = stream
    hasSentEnd = false
    state = .opening
  }

  /// Sends a call; nil where it is not for the trunk.
  func send(
    _ path: String,
    _ request: some Message,
    caller: [UInt8]?,
    requestID: String?,
    nanoseconds: Int64,
    _ deadline: Instant,
    trace: TraceContext?
  ) -> TrunkedCall? {
    guard let stream, stream.outputPending < Self.outputPendingMax, let place = takePlace()
    else { return nil }
    callsBegun += 1
    let id = callsBegun * UInt64(CallTable<TrunkedCall>.placeCount) + place
    var isSent = false
    stream.sendBody { output in
      let start = output.count
      MessageFraming.append(to: &output) { output in
        TrunkCallRecord.append(
          id: id,
          path: path,
          milliseconds: UInt64(max(0, nanoseconds) + 999_999) / 1_000_000,
          caller: caller,
          requestID: requestID,
          to: &output
        ) { request.encode(appendingTo: &$0) }
        guard let trace else { return }
        TrunkCallRecord.append(
          traceParent: { trace.appendParent(to: &$0) },
          state: trace.state,
          to: &output
        )
      }
      isSent = output.count - start <= Self.recordBytesMax
      if !isSent { output.removeLast(output.count - start) }
    }
    guard isSent else {
      freePlaces.append(place)
      return nil
    }
    let call = TrunkedCall(self, id: id, deadline: deadline)
    calls.add(call)
    return call
  }

  private func takePlace() -> UInt64? {
    if let place = freePlaces.popLast() { return place }
    guard placesTaken < CallTable<TrunkedCall>.placeCount else { return nil }
    placesTaken += 1
    return placesTaken - 1
  }

  private func remove(_ call: TrunkedCall) {
    guard calls.remove(call.trunkID) else { return }
    freePlaces.append(call.trunkID % UInt64(CallTable<TrunkedCall>.placeCount))
    endIfThrough()
  }

  /// Nobody waits for a call any more.
  func giveUp(_ call: TrunkedCall) {
    stream?.sendBody { output in
      MessageFraming.append(to: &output) {
        TrunkCallRecord.appendCancellation(of: call.trunkID, to: &$0)
      }
    }
    remove(call)
  }

  /// Takes no more calls, and ends when those under way are through.
  func drain() {
    state = .closed
    endIfThrough()
  }

  /// Says that nothing more comes; not before, since the server must still be told of calls that are given up.
  private func endIfThrough() {
    guard case .closed = state, calls.count == 0, !hasSentEnd, let stream else { return }
    hasSentEnd = true
    stream.finish(nil)
  }

  // MARK: From the connection

  func received(_ stream: HTTP2Stream) {
    // One that is given up may have more to say.
    guard stream === self.stream else { return }
    do throws(Fault) {
      guard stream.status == 200 else { throw Fault(httpStatus: stream.status) }
      try takeReplies(stream)
      guard stream.isRequestComplete else {
        if case .opening = state { state = .open }
        return
      }
      // Without messages, status and head come as one block ("Trailers-Only").
      throw Fault(trailers: stream.trailers ?? stream.responseFields)
        ?? .unavailable("The server has ended the trunk")
    } catch {
      if error.code == .unimplemented { state = .closed }
      lose(error)
    }
    if !(stream.isRequestComplete && hasSentEnd) { stream.reset(.cancel) }
  }

  private func takeReplies(_ stream: HTTP2Stream) throws(Fault) {
    guard !stream.received.isEmpty else { return }
    var bytes = stream.takeReceived()
    if !rest.isEmpty {
      // To its end, so that a long reply that comes in pieces is not copied with each of them.
      rest += bytes
      bytes = rest
      rest = []
    }
    var offset = 0
    while let range = try MessageFraming.next(in: bytes, from: offset) {
      offset = range.upperBound
      var trailers = Metadata()
      let record = bytes.withUnsafeBytes { buffer in
        TrunkReplyRecord(buffer, range) { name, value in
          if trailers.isEmpty { trailers = Metadata(roomFor: 2) }
          trailers.append(name: name, value: value)
        }
      }
      guard let record else { throw .internalError("a reply on a trunk is malformed") }
      // One that was given up is over already.
      guard let call = calls.find(record.id) else { continue }
      remove(call)
      call.replied(record, in: bytes, trailers)
    }
    if offset < bytes.count { rest = offset == 0 ? bytes : Array(bytes[offset...]) }
  }

  func drained(_ stream: HTTP2Stream) {}

  func closed(_ stream: HTTP2Stream) {
    guard stream === self.stream else { return }
    lose(
      stream.wasConnectionLost
        ? .unavailable("The connection to the server was lost")
        : .unavailable("The server gave the trunk up")
    )
  }

  /// The trunk carries nothing any more: calls under way have no answer, and may have run, whatever the server says of the
  /// stream that it has answered.
  private func lose(_ fault: Fault) {
    if case .closed = state {} else { state = .none(until: Instant.now + Self.pause) }
    stream = nil
    rest = []
    freePlaces = []
    placesTaken = 0
    let lost = calls.removeAll()
    // What went wrong with the trunk is not what is wrong with a call: another connection may do.
    let fault = Fault.unavailable("The server did not answer", detail: fault.debugDescription)
    for call in lost { call.lost(fault) }
  }
}
