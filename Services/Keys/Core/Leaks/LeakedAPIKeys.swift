/// What is done about an API key that is reported as leaked, beside the line in the audit log.
public enum LeakedAPIKeys: String, CaseIterable, Sendable {
  /// Nothing: it is the owner's to act.
  case alert
  /// It is revoked at once.
  case revoke
}
