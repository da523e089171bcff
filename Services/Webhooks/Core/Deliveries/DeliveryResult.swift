internal import Messages
internal import Primitives
internal import WebhooksSending

/// What became of a claimed delivery, to be written.
struct DeliveryResult: Sendable {
  /// What is to be done with it.
  enum Fate: Sendable, Equatable {
    /// It is over.
    case finished(Delivery.Status)
    /// It is tried again.
    case retried(at: Timestamp)
    /// No attempt was made; it is given back to whoever claims it then.
    case released(at: Timestamp)
  }

  /// How long to wait after an attempt that something here has kept from being made.
  static let troublePause = Duration.seconds(5)

  let delivery: ClaimedDelivery
  let fate: Fate
  /// The attempt; nil where none was made, or nothing was learnt by it.
  let attempt: DeliveryAttempt?
  /// What it says about the webhook.
  let verdict: Verdict
  let at: Timestamp

  /// The line that another delivery may be the head of, now that this one has come to its end.
  var movedLine: DeliveryLine? {
    guard delivery.linePosition != nil, case .finished = fate, let license = delivery.licenseID
    else { return nil }
    return DeliveryLine(endpointID: delivery.endpointID, licenseID: license)
  }

  /// Whether it has not come to its end.
  var isPostponed: Bool {
    if case .finished = fate { false } else { true }
  }

  /// The attempt as it is put behind the others.
  var encodedAttempt: [UInt8] {
    guard let attempt else { return [] }
    var bytes: [UInt8] = []
    DeliveryAttempts(attempts: [attempt]).encode(appendingTo: &bytes)
    return bytes
  }

  /// Gives up a delivery without trying to make it, for a reason that the log shows.
  static func givenUp(
    _ delivery: ClaimedDelivery,
    because reason: String,
    at now: Timestamp
  ) -> DeliveryResult {
    DeliveryResult(
      delivery: delivery,
      fate: .finished(.failed),
      attempt: DeliveryAttempt(
        startedAt: now.milliseconds,
        durationMs: 0,
        error: reason
      ),
      verdict: .undecided,
      at: now
    )
  }

  /// Judges an outcome.
  ///
  /// - Parameters:
  ///   - outcome: What came of the attempt.
  ///   - delivery: Whose.
  ///   - attempt: The attempt for the log.
  ///   - schedule: When what failed is tried again.
  ///   - now: When it ended.
  ///   - random: From 0 up to 1.
  /// - Returns: What is to be written.
  static func of(
    _ outcome: Outcome,
    _ delivery: ClaimedDelivery,
    _ attempt: DeliveryAttempt,
    by schedule: RetrySchedule,
    at now: Timestamp,
    random: Double
  ) -> DeliveryResult {
    let verdict = outcome.verdict(at: now)
    let fate: Fate
    switch verdict {
    case .delivered: fate = .finished(.succeeded)
    case .gone: fate = .finished(.failed)
    // What was given up here goes to others at once; what could not be made here can hardly be made in this moment.
    case .undecided:
      fate = .released(at: outcome.failure == .cancelled ? now : now + Self.troublePause)
    case .failed(let retryAfter):
      let wait = schedule.wait(
        afterAttempt: Int(delivery.attemptCount) + 1,
        retryAfter: retryAfter,
        random: random
      )
      fate = wait.map { .retried(at: now + $0) } ?? .finished(.failed)
    }
    return DeliveryResult(
      delivery: delivery,
      fate: fate,
      attempt: verdict == .undecided ? nil : attempt,
      verdict: verdict,
      at: now
    )
  }
}

extension DeliveryAttempt {
  /// An attempt as the log shows it.
  ///
  /// - Parameters:
  ///   - outcome: What came of it.
  ///   - requestHead: The head of what was sent, whole or as ``KeptHead`` keeps it.
  ///   - startedAt: When it began.
  init(_ outcome: Outcome, requestHead: String, startedAt: Timestamp) {
    self.init(
      startedAt: startedAt.milliseconds,
      durationMs: Int32(clamping: outcome.duration.wholeMilliseconds),
      responseStatus: outcome.status.map { Int32(clamping: $0) },
      error: outcome.explanation,
      requestHead: requestHead,
      responseHead: Self.text(outcome.replyHead),
      responseBody: Self.text(outcome.replyBody)
    )
  }

  /// Bytes of a stranger's as text that can be stored: what is not UTF-8 is replaced, and so is NUL.
  private static func text(_ bytes: [UInt8]) -> String? {
    guard !bytes.isEmpty else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    return bytes.contains(0) ? text.replacing("\0", with: "\u{FFFD}") : text
  }
}
