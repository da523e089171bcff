public import Faults
public import Messages
internal import Postgres
public import Primitives
public import Protobuf

extension Change {
  /// How long a key's line stands for all reports of it.
  private static let leakLineLifetime = Duration.seconds(24 * 60 * 60)

  /// Has the audit log say that a key was reported as leaked: once a day for each key, so that reports cannot flood
  /// the log, and besides whenever something was done about it.
  ///
  /// The source stands as the reason; where it repeats the key, that is left out.
  ///
  /// - Parameters:
  ///   - action: The line's action, such as `license.leak`.
  ///   - id: The resource whose key it is, locked, so that no other report of it is under way.
  ///   - before: The resource as it was.
  ///   - after: The resource as it is now; nil when nothing was done about it.
  ///   - report: The report.
  /// - Returns: Whether the log says so: not when it has within a day and nothing was done.
  /// - Throws: ``Fault`` of the database.
  public func recordLeak<Resource: ContractMessage>(
    _ action: String,
    _ id: UUID,
    before: Resource,
    after: Resource?,
    _ report: LeakReport
  ) async throws(Fault) -> Bool {
    if after == nil, try await hasRecord(of: action, about: id) { return false }
    let source = report.source?.replacing(report.secret, with: "<redacted>")
    try record(action, id, before: before, after: after ?? before, reason: source)
    return true
  }

  private func hasRecord(of action: String, about id: UUID) async throws(Fault) -> Bool {
    let first = UUID.lowest7(at: now - Self.leakLineLifetime)
    let rows = try await transaction.query(
      """
      select from changes.audit_entries
      where resource_id = \(id) and action = \(action) and id >= \(first)
      limit 1
      """
    )
    return !rows.isEmpty
  }
}
