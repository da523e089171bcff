public import Primitives

/// Whether an endpoint still deserves deliveries: disabled when it is gone, or when nothing but failures came of it
/// for days.
///
/// A value to be kept with the endpoint, and changed in the transaction that records an attempt.
public struct EndpointHealth: Hashable, Sendable {
  /// How long an endpoint may fail without a single success.
  ///
  /// Longer than the whole of ``RetrySchedule/standard``, so that the first delivery has had all its attempts.
  public static let patience = Duration.seconds(5 * 24 * 3600)
  /// How many attempts must have failed besides; a single event in a quiet week is not enough to judge by.
  public static let failuresMin = 10

  /// Since when every attempt has failed; nil while the last one succeeded.
  public private(set) var failingSince: Timestamp?
  /// How many attempts have failed since then.
  public private(set) var failureCount: Int

  /// Takes up what was kept; without arguments the health of a new or newly enabled endpoint.
  public init(failingSince: Timestamp? = nil, failureCount: Int = 0) {
    self.failingSince = failingSince
    self.failureCount = failureCount
  }

  /// Why an endpoint is disabled.
  public enum Disabling: String, Hashable, Sendable {
    /// The receiver answered 410.
    case gone
    /// Every attempt of the last days has failed.
    case failing
  }

  /// Takes in what came of an attempt, and says whether the endpoint is to be disabled, with an event and a notice.
  public mutating func record(_ verdict: Verdict, at now: Timestamp) -> Disabling? {
    switch verdict {
    case .delivered:
      self = EndpointHealth()
      return nil
    case .undecided:
      return nil
    case .gone:
      return .gone
    case .failed:
      let since = failingSince ?? now
      failingSince = since
      failureCount += 1
      let isHopeless =
        failureCount >= EndpointHealth.failuresMin && now - since >= EndpointHealth.patience
      return isHopeless ? .failing : nil
    }
  }
}
