/// One of the two separate data sets of an account; an API key belongs to exactly one.
public enum Environment: String, Sendable, Hashable, CaseIterable {
  /// For development; billed and shown apart.
  case test
  /// For customers.
  case live
}
