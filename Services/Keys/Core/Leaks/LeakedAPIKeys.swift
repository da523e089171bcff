/// What is done about an API key that is reported as leaked, beside the line in the audit log and the event.
public enum LeakedAPIKeys: String, CaseIterable, Sendable {
  /// Nothing: it is the owner's to act.
  case alert
  /// It goes on for an overlap, in which its owner is to replace it, and then stops by itself. Until then it cannot
  /// manage API keys, so that whoever has found it cannot make one that stays.
  case rotate
  /// It is revoked at once.
  case revoke

  /// How long a key goes on that is to be replaced, unless the operator says.
  public static let defaultOverlap = Duration.seconds(24 * 60 * 60)
}
