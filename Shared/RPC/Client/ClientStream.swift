internal import EventLoop
internal import Faults
internal import HTTP
internal import Protobuf
internal import Tracing

/// One call from the client's side, without the types of its messages.
///
/// It ends once: with the server's trailers, a reset, the deadline, or a cancelled task.
@EventLoop
final class ClientStream: ResponseHandler {
  /// How the call has ended; nil while it goes on.
  private(set) var outcome: Result<Metadata, Fault>?
  /// Whether the server has begun to answer; then the call is never repeated.
  private(set) var hasAnswered = false
  /// Whether the server may have acted on the call; it has not when it says that it refused the stream.
  private(set) var mayHaveRun = true
  /// The first fields of the answer.
  private(set) var initialMetadata = Metadata()
  private var stream: HTTP2Stream?
  private var bytes: [UInt8] = []
  private var offset = 0
  private var deadlineTimer: LoopTimer?
  private var waiting: UnsafeContinuation<Void, Never>?
  private var onEnd: (@EventLoop () -> Void)?
  private var writerWaiting: CheckedContinuation<Void, Never>?
  private var hasSentEnd = false
  /// What counts the call, since when, and what is recorded of it.
  private var counts: CallCounts?
  private var begun = Instant(nanoseconds: 0)
  private var span: Span?
  private var isClosed = false
  /// Whether the answer has been read, so that nobody needs the stream any more.
  private var isRead = false
  /// Whether the answer is one message, which is read when the call is over.
  private let isUnary: Bool

  init(isUnary: Bool) { self.isUnary = isUnary }

  /// Opens the stream.
  ///
  /// False when the connection takes no more; another one may.
  func open(
    on connection: HTTP2ClientConnection,
    path: String,
    fields: HeaderFields,
    deadline: Instant
  ) -> Bool {
    guard let stream = connection.open(method: "POST", path: path, fields: fields, handler: self)
    else { return false }
    self.stream = stream
    deadlineTimer = LoopTimer { [self] in
      end(
        .failure(Fault(.deadlineExceeded, "The deadline passed before the answer came")),
        reset: .cancel
      )
    }
    deadlineTimer?.start(at: deadline)
    return true
  }

  /// Counts the call that was opened, and has what is made of it noted when it is over.
  func begin(_ counts: CallCounts, _ span: Span?, at now: Instant) {
    counts.begin()
    self.counts = counts
    self.span = span
    begun = now
  }

  /// Sends a message, and ends the sending side with the last one.
  func send(_ message: some Message, isLast: Bool) {
    guard outcome == nil, !hasSentEnd, let stream else { return }
    stream.sendBody { MessageFraming.append(message, to: &$0) }
    if isLast { finishSending() }
  }

  /// Ends the sending side.
  func finishSending() {
    guard outcome == nil, !hasSentEnd else { return }
    hasSentEnd = true
    stream?.finish(nil)
  }

  /// Waits while the server does not keep up with what is sent.
  func waitForDrain() async {
    while outcome == nil, let stream, stream.outputPending > HTTP2Stream.outputHighWater {
      await withCheckedContinuation { writerWaiting = $0 }
    }
  }

  /// Gives the call up.
  func cancel() {
    end(.failure(Fault(.cancelled, "The call was cancelled")), reset: .cancel)
  }

  /// The next message of the answer; nil after the last one.
  ///
  /// - Throws: ``Fault`` that ended the call, after the messages that came before it.
  func next<M: Message>() async throws(Fault) -> M? {
    while true {
      takeBytes()
      do throws(Fault) {
        if let range = try MessageFraming.next(in: bytes, from: offset) {
          offset = range.upperBound
          return try MessageFraming.decode(range, of: bytes)
        }
      } catch {
        end(.failure(error), reset: .cancel)
        throw error
      }
      switch outcome {
      case .failure(let fault): throw fault
      case .success:
        guard offset == bytes.count else {
          throw .internalError("the answer ended in the middle of a message")
        }
        return nil
      case nil: await news()
      }
    }
  }

  private func takeBytes() {
    guard let stream, !stream.received.isEmpty else { return }
    let more = stream.takeReceived()
    if offset == bytes.count {
      bytes = more
    } else {
      bytes.removeFirst(offset)
      bytes.append(contentsOf: more)
    }
    offset = 0
  }

  /// Suspends until the call is over; a task that waits for a unary call is resumed once.
  func waitForEnd() async {
    while outcome == nil { await news() }
  }

  /// Has `body` called once when the call is over, in place of a task that waits.
  func whenOver(_ body: @escaping @EventLoop () -> Void) {
    guard outcome == nil else { return body() }
    onEnd = body
    EventLoop.countJobless()
  }

  /// The one answer and the fields after it of a call that is over.
  ///
  /// The message is read where it lies: copying it is most of what a call would cost here.
  ///
  /// - Throws: ``Fault`` that ended the call, or an internal error when the answer is anything but one message.
  func answer<M: Message>(to method: MethodDescriptor) throws(Fault) -> (M, Metadata) {
    // The status comes after the message, and decides.
    guard let outcome else { preconditionFailure("Only a call that is over has an answer") }
    let trailers = try outcome.get()
    let bytes = self.bytes.isEmpty ? stream?.received ?? [] : self.bytes
    guard let range = try MessageFraming.next(in: bytes, from: 0) else {
      throw .internalError(
        bytes.isEmpty
          ? "\(method.path) ended well without an answer"
          : "The answer of \(method.path) ended in the middle of a message"
      )
    }
    guard range.upperBound == bytes.count else { throw ClientStream.tooMuch }
    return (try MessageFraming.decode(range, of: bytes), trailers)
  }

  private static let tooMuch = Fault.internalError(
    "A unary call was answered with more than one message"
  )

  /// Gives the stream's memory to the next call, when all has been read.
  ///
  /// Who is told of the end reads before the stream is closed; then it happens when that comes.
  func recycle() {
    isRead = true
    guard isClosed else { return }
    stream?.recycle()
    stream = nil
  }

  /// Takes a part of the one answer, so that the server can send on; what cannot become one ends the call.
  private func gather() {
    takeBytes()
    do throws(Fault) {
      let range = try MessageFraming.next(in: bytes, from: 0)
      if let range, range.upperBound < bytes.count { throw ClientStream.tooMuch }
    } catch {
      end(.failure(error), reset: .cancel)
    }
  }

  /// Suspends until something has come; gives the call up when the task is cancelled.
  private func news() async {
    await withTaskCancellationHandler {
      // A task that was cancelled before has ended the call in the handler below.
      guard outcome == nil else { return }
      await withUnsafeContinuation { waiting = $0 }
    } onCancel: {
      EventLoop.perform { [self] in cancel() }
    }
  }

  /// Waits for the head of the answer, or the end of the call.
  func waitForHead() async {
    while !hasAnswered && outcome == nil { await news() }
  }

  // MARK: From the connection

  func received(_ stream: HTTP2Stream) {
    if !hasAnswered {
      hasAnswered = true
      guard stream.status == 200 else {
        end(.failure(Fault(httpStatus: stream.status)), reset: .cancel)
        return
      }
      // Nobody asks for those of a unary call, and a copy would keep the memory from the next one.
      if !isUnary { initialMetadata = stream.responseFields }
    }
    if stream.isRequestComplete {
      // What has come before the end lies here, and the rest is added to it.
      if !isUnary || !bytes.isEmpty { takeBytes() }
      // Without messages, status and head come as one block ("Trailers-Only").
      let trailers = stream.trailers ?? stream.responseFields
      end(Fault(trailers: trailers).map { .failure($0) } ?? .success(trailers), reset: .noError)
      return
    }
    if isUnary { gather() } else { wake() }
  }

  func drained(_ stream: HTTP2Stream) { wakeWriter() }

  func closed(_ stream: HTTP2Stream) {
    isClosed = true
    if isRead { recycle() }
    // Nearly always the answer has come in full.
    guard outcome == nil else { return }
    takeBytes()
    mayHaveRun = stream.errorCode != StreamError.refusedStream.rawValue
    let fault =
      stream.wasConnectionLost
      ? Fault.unavailable("The connection to the server was lost")
      : Fault(resetCode: stream.errorCode)
    end(.failure(fault), reset: nil)
  }

  private func end(_ result: Result<Metadata, Fault>, reset: StreamError?) {
    guard outcome == nil else { return }
    outcome = result
    noteEnd(result)
    deadlineTimer?.cancel()
    deadlineTimer = nil
    // Both sides must be through, or the stream would stay open.
    if let reset, let stream, !stream.isClosed, !(stream.isRequestComplete && hasSentEnd) {
      stream.reset(reset)
    }
    wake()
    wakeWriter()
    guard let onEnd else { return }
    self.onEnd = nil
    EventLoop.countJobless()
    onEnd()
  }

  private func noteEnd(_ result: Result<Metadata, Fault>) {
    guard let counts else { return }
    self.counts = nil
    let code: Int32 = if case .failure(let fault) = result { fault.code.rawValue } else { 0 }
    counts.end(code: code, since: begun)
    span?.end(code: code)
    span = nil
  }

  private func wake() {
    guard let waiting else { return }
    self.waiting = nil
    waiting.resume()
  }

  private func wakeWriter() {
    guard let writerWaiting else { return }
    self.writerWaiting = nil
    writerWaiting.resume()
  }
}
