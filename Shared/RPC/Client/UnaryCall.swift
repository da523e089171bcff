public import EventLoop
public import Faults
public import Protobuf

/// A call with one message in and one out, and its repetitions.
///
/// It is sent at once where a connection stands, and can tell when it is over, so that whoever waits for nothing else
/// needs no task for it: a task costs more than all else that a waiting caller does. What has to wait is in ``answer()``.
@EventLoop
public final class UnaryCall<Request: Message, Response: Message> {
  /// Tries of one call in all.
  private static var triesMax: Int { 3 }
  /// The first pause before a call is repeated; it doubles each time.
  private static var retryPause: Duration { .milliseconds(20) }

  private let channel: Channel
  private let method: MethodDescriptor
  private let request: Request
  private let options: CallOptions
  private let deadline: Instant
  private var attempt: CallAttempt?
  /// Whether a second replica was asked what the first could not answer.
  private var hasAskedAnother = false

  /// The options are taken over: a copy counts a reference for each text in them.
  init(
    _ channel: Channel,
    _ method: MethodDescriptor,
    _ request: consuming Request,
    _ options: consuming CallOptions
  ) {
    let now = Instant.now
    deadline = options.deadline(of: method, from: now)
    self.channel = channel
    self.method = method
    self.request = request
    self.options = options
    attempt = channel.sendNow(method, self.request, self.options, deadline, from: now)
  }

  /// Whether the call is on its way; else there was no connection, and only ``answer()`` waits for one.
  public var isSent: Bool { attempt != nil }

  /// Has `body` called once when a call that is sent has come to an end, of whatever kind.
  public func whenOver(_ body: @escaping @EventLoop () -> Void) { attempt?.whenOver(body) }

  /// Gives the call up.
  public func cancel() { attempt?.cancel() }

  /// The answer and the fields after it of a call that is over; nil where the call is to be repeated, which
  /// ``answer()`` does.
  ///
  /// - Throws: ``Fault`` that ended the call.
  public func answerNow() throws(Fault) -> (Response, Metadata)? { try answerNow(mayRepeat: true) }

  private func answerNow(mayRepeat: Bool) throws(Fault) -> (Response, Metadata)? {
    guard let attempt else { return nil }
    do throws(Fault) {
      let (bytes, range, trailers) = try attempt.answer(to: method)
      let response: Response = try MessageFraming.decode(range, of: bytes)
      attempt.recycle()
      return (response, trailers)
    } catch {
      guard mayRepeat, error.code == .unavailable, isRepeatable(attempt) else { throw error }
      return nil
    }
  }

  /// Whether a call without an answer, or with one that says that the server cannot serve it now, may be tried again.
  private func isRepeatable(_ attempt: CallAttempt) -> Bool {
    guard attempt.hasAnswered else { return method.isIdempotent || !attempt.mayHaveRun }
    // The server's word is final, but another one may be better off. Once, so that replicas that are all in trouble get
    // no more than twice their calls.
    return method.isIdempotent && !hasAskedAnother && channel.hasReplica(besides: attempt)
  }

  /// The answer and the fields after it.
  ///
  /// - Throws: ``Fault`` that ended the call; `unavailable` when nothing is there.
  public func answer() async throws(Fault) -> (Response, Metadata) {
    var pause = Self.retryPause
    var tries = 1
    while true {
      if attempt == nil {
        // Nothing was sent where this fails, so any method could be tried again, but nothing is there.
        attempt = try await channel.send(method, request, options, deadline)
      }
      await attempt?.waitForEnd()
      let mayRepeat =
        tries < Self.triesMax && Instant.now + pause < deadline && !Task.isCancelled
      if let answer = try answerNow(mayRepeat: mayRepeat) { return answer }
      tries += 1
      // Up to half more, so that callers who failed together do not come back together.
      await EventLoop.sleep(for: pause * Double.random(in: 1...1.5))
      pause *= 2
      if let answered = attempt, answered.hasAnswered {
        hasAskedAnother = true
        // Where the other one has gone meanwhile, the answer stands.
        attempt =
          channel.sendNow(method, request, options, deadline, besides: answered) ?? answered
      } else {
        attempt = channel.sendNow(method, request, options, deadline, from: .now)
      }
    }
  }
}
