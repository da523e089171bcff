internal import EventLoop
internal import Metrics
internal import Primitives
internal import WebhooksSending

/// What is counted of attempts to deliver.
@EventLoop
final class DeliveryCounts {
  /// By what became of them: a closed set.
  private var attempts: [String: Int] = [:]
  private var durations = Histogram(.durations)
  private var lags = Histogram(.delays)

  /// An attempt is over.
  ///
  /// - Parameters:
  ///   - outcome: What came of it.
  ///   - delivery: Whose.
  ///   - now: The time.
  func note(_ outcome: Outcome, of delivery: ClaimedDelivery, at now: Timestamp) {
    attempts[Self.name(of: outcome), default: 0] += 1
    durations.note(outcome.duration.nanoseconds)
    guard outcome.verdict(at: now) == .delivered else { return }
    lags.note((now - delivery.id.moment7).nanoseconds)
  }

  private static func name(of outcome: Outcome) -> String {
    if let failure = outcome.failure { return failure.rawValue }
    return switch outcome.status ?? 0 {
    case 200...299: "success"
    case 300...399: "status_3xx"
    case 400...499: "status_4xx"
    case 500...599: "status_5xx"
    default: "status_other"
    }
  }

  private static let attempts = Metric(
    "latchkey_webhooks_attempts_total",
    .counter,
    "Attempts to deliver, by what became of them."
  )
  private static let durations = Metric(
    "latchkey_webhooks_attempt_duration_seconds",
    .histogram,
    "What an attempt to deliver takes."
  )
  private static let lags = Metric(
    "latchkey_webhooks_delivery_lag_seconds",
    .histogram,
    "From an event to its delivery, all attempts and pauses between them included."
  )

  func collect(into exposition: inout Exposition) {
    for (name, count) in attempts.sorted(by: { $0.key < $1.key }) {
      exposition.add(Self.attempts, ["outcome": name], count)
    }
    exposition.add(Self.durations, durations)
    exposition.add(Self.lags, lags)
  }
}

extension UUID {
  /// The moment that an identifier of version 7 begins with.
  fileprivate var moment7: Timestamp { Timestamp(milliseconds: Int64(high >> 16)) }
}
