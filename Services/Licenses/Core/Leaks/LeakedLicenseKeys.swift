/// What is done about a license whose key is reported as leaked, beside the line in the audit log.
public enum LeakedLicenseKeys: String, CaseIterable, Sendable {
  /// Nothing: it is the vendor's to act.
  case alert
  /// It is suspended when it is active.
  case suspend
}
