internal import EventLoop
internal import Faults
internal import HTTP
internal import Tracing

/// One try of a call from the client's side, on a stream of its own or on a trunk.
///
/// It ends once.
@EventLoop
class CallAttempt {
  /// How the call has ended; nil while it goes on.
  private(set) final var outcome: Result<Metadata, Fault>?
  /// Whether the server has begun to answer; then the call is not repeated there.
  final var hasAnswered = false
  /// Whether the server may have acted on the call; it has not when it says that it refused it.
  final var mayHaveRun = true
  private final var waiting: UnsafeContinuation<Void, Never>?
  private final var onEnd: (@EventLoop () -> Void)?

  /// What counts the call until it is over, since when, and what is recorded of it.
  private final var counts: CallCounts?
  private final var begun = Instant(nanoseconds: 0)
  private final var span: Span?

  nonisolated init() {}

  /// Counts the call that was sent, and has what is made of it noted when it is over.
  final func begin(_ counts: CallCounts, _ span: Span?, at now: Instant) {
    counts.begin()
    self.counts = counts
    self.span = span
    begun = now
  }

  /// Gives the call up.
  func cancel() { preconditionFailure("An attempt can be given up") }

  /// Whether it was sent by this connection.
  func wentOut(by link: Link) -> Bool { preconditionFailure("An attempt has a connection") }

  /// The answer's bytes, where its one message is in them, and the fields after it.
  ///
  /// Asked of a unary call that is over.
  ///
  /// - Throws: ``Fault`` that ended the call, or an internal error when the answer is anything but one message.
  func answer(
    to method: MethodDescriptor
  ) throws(Fault) -> (bytes: [UInt8], range: Range<Int>, trailers: Metadata) {
    preconditionFailure("An attempt can be answered")
  }

  /// The answer has been read, and its memory may serve again.
  func recycle() {}

  /// Suspends until the call is over; a task that waits for a unary call is resumed once.
  final func waitForEnd() async {
    while outcome == nil { await news() }
  }

  /// Has `body` called once when the call is over, in place of a task that waits.
  final func whenOver(_ body: @escaping @EventLoop () -> Void) {
    guard outcome == nil else { return body() }
    onEnd = body
    EventLoop.countJobless()
  }

  /// Suspends until something has come; gives the call up when the task is cancelled.
  final func news() async {
    await withTaskCancellationHandler {
      // A task that was cancelled before has ended the call in the handler below.
      guard outcome == nil else { return }
      await withUnsafeContinuation { waiting = $0 }
    } onCancel: {
      EventLoop.perform { [self] in cancel() }
    }
  }

  /// Resumes the task that waits for news.
  final func wake() {
    guard let waiting else { return }
    self.waiting = nil
    waiting.resume()
  }

  /// Ends the call; ``tellOfEnd()`` follows.
  final func settle(_ result: Result<Metadata, Fault>) {
    outcome = result
    guard let counts else { return }
    self.counts = nil
    let code: Int32 = if case .failure(let fault) = result { fault.code.rawValue } else { 0 }
    counts.end(code: code, since: begun)
    span?.end(code: code)
    span = nil
  }

  /// Tells whoever waits that the call is over.
  final func tellOfEnd() {
    wake()
    guard let onEnd else { return }
    self.onEnd = nil
    EventLoop.countJobless()
    onEnd()
  }
}
