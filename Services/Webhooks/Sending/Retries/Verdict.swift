public import Primitives

/// What an outcome means for the delivery.
public enum Verdict: Hashable, Sendable {
  /// The receiver has it.
  case delivered
  /// The receiver says that the endpoint is gone for good: it is to be disabled.
  case gone
  /// It is to be tried again, not before the receiver's own wish where it has one.
  case failed(retryAfter: Duration?)
  /// Nothing was learnt about the endpoint: to be tried again without counting an attempt.
  case undecided
}

extension Outcome {
  /// What this outcome means.
  ///
  /// A status of 2xx is success, 410 the end, and everything else is tried again: redirects too, which are not
  /// followed. A reply whose body was too large has been understood by its status; one that did not end in time, or
  /// broke off, has not.
  ///
  /// `now` is the time of the reply, for a `Retry-After` that is a date.
  public func verdict(at now: Timestamp) -> Verdict {
    switch failure {
    case nil, .bodyTooLarge: break
    case .cancelled, .internalError: return .undecided
    default: return .failed(retryAfter: nil)
    }
    switch status {
    case .some(200..<300): return .delivered
    case 410: return .gone
    default: return .failed(retryAfter: retryAfter.flatMap { RetryAfter.wait($0, at: now) })
    }
  }

  /// A sentence for the log of the endpoint's owner; nil when the reply was a success.
  public var explanation: String? {
    if let failure, failure != .bodyTooLarge || status == nil {
      guard let detail, !detail.isEmpty else { return failure.text }
      return "\(failure.text): \(detail)"
    }
    guard let status, !(200..<300).contains(status) else { return failure?.text }
    return (300..<400).contains(status)
      ? "The reply was \(status); redirects are not followed" : "The reply was \(status)"
  }
}
