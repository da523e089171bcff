internal import EventLoop
internal import Faults
internal import HTTP
internal import Protobuf

/// One call on a stream of its own, without the types of its messages.
///
/// It ends with the server's trailers, a reset, the deadline, or a cancelled task.
@EventLoop
final class ClientStream: CallAttempt, ResponseHandler {
  /// The first fields of the answer.
  private(set) var initialMetadata = Metadata()
  private var stream: HTTP2Stream?
  private var bytes: [UInt8] = []
  private var offset = 0
  private var deadlineTimer: LoopTimer?
  private var writerWaiting: CheckedContinuation<Void, Never>?
  private var hasSentEnd = false
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

  override func wentOut(by link: Link) -> Bool { stream.map { link.connection.owns($0) } ?? false }

  /// Gives the call up.
  override func cancel() {
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

  /// The answer of a call that is over.
  ///
  /// The message is read where it lies: copying it is most of what a call would cost here.
  override func answer(
    to method: MethodDescriptor
  ) throws(Fault) -> (bytes: [UInt8], range: Range<Int>, trailers: Metadata) {
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
    return (bytes, range, trailers)
  }

  private static let tooMuch = Fault.internalError(
    "A unary call was answered with more than one message"
  )

  /// Gives the stream's memory to the next call, when all has been read.
  ///
  /// Who is told of the end reads before the stream is closed; then it happens when that comes.
  override func recycle() {
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
    settle(result)
    deadlineTimer?.cancel()
    deadlineTimer = nil
    // Both sides must be through, or the stream would stay open.
    if let reset, let stream, !stream.isClosed, !(stream.isRequestComplete && hasSentEnd) {
      stream.reset(reset)
    }
    wakeWriter()
    tellOfEnd()
  }

  private func wakeWriter() {
    guard let writerWaiting else { return }
    self.writerWaiting = nil
    writerWaiting.resume()
  }
}
