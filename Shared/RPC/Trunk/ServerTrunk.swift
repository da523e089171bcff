internal import EventLoop
internal import Faults
internal import HTTP
internal import Protobuf
internal import Tracing

/// Where on a trunk a call is.
struct TrunkSeat {
  let trunk: ServerTrunk
  /// The call's id there.
  let id: UInt64
  /// The id of the REST request behind the call, as it came.
  let requestID: ArraySlice<UInt8>
}

/// The server's end of a trunk: one call that carries others, each of which is checked and served as if it had come alone.
///
/// A peer that breaks the rules of the trunk loses it, with all calls on it. One that takes no answers is not read from,
/// and its window closes.
@EventLoop
final class ServerTrunk {
  /// The longest message of a trunk, in bytes: calls with more have streams of their own, where nobody waits behind them.
  nonisolated static let recordBytesMax = 64 * 1024
  /// Trunks of a connection: one, and one before it whose end is on its way.
  static let countPerConnectionMax = 2
  /// What may wait to be taken by the peer before no more calls are read.
  private static let outputPendingMax = 256 * 1024

  private unowned let server: RPCServer
  /// The call that carries the others.
  let carrier: Call
  private let calls = CallTable<Call>()
  /// The beginning of a message whose rest is still to come.
  private var rest: [UInt8] = []
  private var isReading = false
  /// Tasks that work on though their calls were given up.
  private var lingering = 0
  private var isClosed = false

  init(_ carrier: Call, _ server: RPCServer) {
    self.carrier = carrier
    self.server = server
  }

  /// Begins the calls that have come.
  func received() {
    guard !isReading else { return }
    isReading = true
    do throws(Fault) {
      if !carrier.isFinished, !carrier.stream.received.isEmpty,
        carrier.stream.outputPending < Self.outputPendingMax,
        lingering < CallTable<Call>.placeCount
      {
        try read(carrier.stream.takeReceived())
      }
    } catch {
      fail(error)
    }
    isReading = false
    endIfThrough()
  }

  private func read(_ received: [UInt8]) throws(Fault) {
    var bytes = received
    if !rest.isEmpty {
      // To its end, so that a long message that comes in pieces is not copied with each of them.
      rest += received
      bytes = rest
      rest = []
    }
    let now = Instant.now
    var offset = 0
    while !carrier.isFinished,
      let range = try MessageFraming.next(in: bytes, from: offset, bytesMax: Self.recordBytesMax)
    {
      offset = range.upperBound
      guard let record = bytes.withUnsafeBytes({ TrunkCallRecord($0, range) }) else {
        throw Fault(.internalError, "A message on the trunk is malformed, or has no id")
      }
      if record.isCancellation {
        // Its answer may have crossed the word.
        calls.find(record.id)?.streamClosed()
      } else {
        try begin(record, in: bytes, at: now)
      }
    }
    if offset < bytes.count { rest = offset == 0 ? bytes : Array(bytes[offset...]) }
  }

  private func begin(
    _ record: TrunkCallRecord,
    in bytes: [UInt8],
    at now: Instant
  ) throws(Fault) {
    guard calls.isFree(record.id) else {
      throw Fault(.internalError, "The place of a call on the trunk is taken by another one")
    }
    // A copy: a call that takes long must not keep all that came with it.
    let requestID = ArraySlice(Array(bytes[record.requestID]))
    let seat = TrunkSeat(trunk: self, id: record.id, requestID: requestID)
    do throws(Fault) {
      let (call, serve) = try server.begin(record, in: bytes, on: carrier, seat, at: now)
      calls.add(call)
      Span.with(call.span) { serve(call, bytes, record.request) }
    } catch {
      server.refused.count(code: error.code.rawValue)
      reply(to: record.id, error.trailers(adding: Metadata()))
    }
  }

  // MARK: Answering

  /// Answers a call; gives the fault that is told in place of an answer that the client would not take.
  func reply(to id: UInt64, _ message: some Message, _ trailers: Metadata) -> Fault? {
    var isTooLong = false
    carrier.stream.sendBody { output in
      let start = output.count
      MessageFraming.append(to: &output) { output in
        Self.append(id, trailers, to: &output)
        TrunkReplyRecord.appendResponse(to: &output) { message.encode(appendingTo: &$0) }
      }
      isTooLong = output.count - start > MessageFraming.messageBytesMax
      if isTooLong { output.removeLast(output.count - start) }
    }
    guard isTooLong else { return nil }
    let fault = Fault(
      .resourceExhausted,
      "The answer is over the limit of \(MessageFraming.messageBytesMax) bytes"
    )
    reply(to: id, fault.trailers(adding: trailers))
    return fault
  }

  /// Tells of a call's fault.
  func reply(to id: UInt64, _ trailers: Metadata) {
    carrier.stream.sendBody { output in
      MessageFraming.append(to: &output) { Self.append(id, trailers, to: &$0) }
    }
  }

  private static func append(_ id: UInt64, _ trailers: Metadata, to output: inout [UInt8]) {
    TrunkReplyRecord.append(id: id, to: &output)
    trailers.withBytes { name, value in
      TrunkReplyRecord.append(trailer: name, value, to: &output)
    }
  }

  // MARK: The end

  /// A call is over.
  func left(_ id: UInt64) {
    if calls.remove(id) { endIfThrough() }
  }

  /// Ends the trunk when the client has said that it sends no more and has all its answers.
  private func endIfThrough() {
    guard carrier.stream.isRequestComplete, !isReading, !carrier.isFinished,
      carrier.stream.received.isEmpty, calls.count == 0, lingering == 0
    else { return }
    if rest.isEmpty {
      carrier.succeed()
    } else {
      fail(Fault(.internalError, "The trunk ended in the middle of a message"))
    }
  }

  /// The client has lost the trunk.
  private func fail(_ fault: Fault) {
    carrier.fail(fault)
    giveUpCalls()
  }

  /// The stream is no more.
  func closed() {
    isClosed = true
    giveUpCalls()
    leaveIfThrough()
  }

  /// Makes room for another trunk of the connection: one that has left work behind still counts.
  private func leaveIfThrough() {
    if isClosed, lingering == 0 { server.removeTrunk(on: carrier.stream.connection) }
  }

  private func giveUpCalls() {
    rest = []
    for call in calls.removeAll() { call.streamClosed() }
  }

  /// A call was given up whose task, which was cancelled, may go on for a while.
  ///
  /// Such tasks hold calls up as the calls would that they were for: else a client that gives up what it has just asked for
  /// could have us work without limit (CVE-2023-44487, rapid reset).
  func lingers(_ task: Task<Void, Never>) {
    lingering += 1
    EventLoop.spawn { [self] in
      await task.value
      lingering -= 1
      received()
      leaveIfThrough()
    }
  }
}

extension Method {
  /// Carries calls of the server's other methods.
  static func trunk(on server: RPCServer) -> Method {
    let descriptor = MethodDescriptor(path: ClientTrunk.path, kind: .bidirectional)
    return Method(descriptor, isCounted: false) { [unowned server] call in
      guard server.addTrunk(on: call.stream.connection) else {
        return call.fail(Fault(.resourceExhausted, "The connection has a trunk already"))
      }
      call.trunk = ServerTrunk(call, server)
      // The client waits for this before it sends anything.
      call.sendInitialMetadata(Metadata())
    }
  }
}
