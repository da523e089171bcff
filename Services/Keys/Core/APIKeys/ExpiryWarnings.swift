internal import Changes
public import Faults
internal import Primitives

extension Keys {
  /// How often API keys are looked for that expire soon.
  public nonisolated static let warningsInterval = Duration.seconds(10)
  /// How long before its expiry a key is warned of.
  static let warningLead = Duration.seconds(7 * 24 * 60 * 60)
  /// How many keys one look takes on.
  private static let warningsMax: Int32 = 500

  /// Has the audit log and the outbox tell of each API key that expires within a week, once for each expiry.
  ///
  /// A key that has a successor is left out: its end is meant. Several processes may do so at once: each key is
  /// locked, or left to whoever has locked it, and looked at again under the lock.
  ///
  /// - Returns: How many keys were told of.
  /// - Throws: Faults of the database, when all tenants whose keys could be written have had theirs.
  @discardableResult
  public func warnOfExpiry() async throws(Fault) -> Int {
    var count = 0
    while true {
      let now = now()
      let due = try await apiKeys.expiring(
        after: now,
        until: now + Self.warningLead,
        count: Self.warningsMax
      )
      var warned = 0
      var failure: Fault?
      for (tenant, ids) in due {
        do throws(Fault) {
          warned += try await warnOfExpiry(ids, of: tenant)
        } catch {
          failure = error
        }
      }
      count += warned
      if let failure { throw failure }
      // What is left over is locked: another process is at it, or a change of the key.
      if warned == 0 { return count }
    }
  }

  private func warnOfExpiry(_ ids: [UUID], of tenant: Tenant) async throws(Fault) -> Int {
    try await changes.makeUnasked(for: tenant) { (change) async throws(Fault) in
      let end = change.now + Self.warningLead
      let expiring = try await self.apiKeys.lockUnwarned(ids, until: end, change)
      self.apiKeys.noteWarned(expiring.map(\.id), change)
      for key in expiring {
        try change.record("apiKey.expiring", key.id, before: key.message(), after: key.message())
      }
      change.emit(expiring.map { Event(.apiKeyExpiring, $0.message(), at: change.now) })
      return expiring.count
    }
  }
}
