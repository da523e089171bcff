internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

extension LicenseStore {
  /// Reads what a validation needs of each license that is asked about, across accounts; a question whose key no
  /// license has is left out.
  func facts(_ questions: [KeyQuestion]) async throws(Fault)
    -> [KeyQuestion: Boxed<LicenseFacts>]
  {
    let hashes = questions.map(\.hash)
    let fingerprints = questions.map(\.fingerprint)
    let rows = try await database.read(
      """
      select question, account_id, environment, id, product_id, status, name, expires_at, is_activated,
        max_machines_override, max_uses_override, uses_count, machine_count, max_machines, max_uses,
        expiration_strategy, require_fingerprint, require_heartbeat, floating,
        heartbeat_interval_minutes, entitlements, machine_id, machine_name, last_heartbeat_at,
        last_seen_at
      from licenses.find_for_validation(\(hashes), \(fingerprints))
      """
    )
    var facts: [KeyQuestion: Boxed<LicenseFacts>] = [:]
    facts.reserveCapacity(rows.count)
    for row in rows {
      let question: Int = try row.value(0)
      facts[questions[question - 1]] = Boxed(try LicenseFacts(row))
    }
    return facts
  }
}

extension LicenseFacts {
  /// Reads the columns of `licenses.find_for_validation`.
  fileprivate init(_ row: Row) throws(Fault) {
    self.init(
      tenant: Tenant(accountID: try row.value(1), environment: try row.value(2)),
      id: try row.value(3),
      productID: try row.value(4),
      status: try row.named(5),
      name: try row.value(6),
      expiresAt: try row.value(7),
      isActivated: try row.value(8),
      maxMachinesOverride: try row.value(9),
      maxUsesOverride: try row.value(10),
      usesCount: try row.value(11),
      machineCount: try row.value(12),
      terms: Terms(
        maxMachines: try row.value(13),
        maxUses: try row.value(14),
        expirationStrategy: try row.named(15),
        requiresFingerprint: try row.value(16),
        heartbeat: try HeartbeatTerms(row, from: 17)
      ),
      entitlements: try row.value(20) ?? [],
      machine: try MachineFacts(row, from: 21)
    )
  }
}

extension MachineFacts {
  /// Reads a machine's id, name, last heartbeat and when it was last seen; nil when there is no machine.
  init?(_ row: Row, from first: Int) throws(Fault) {
    guard let id: UUID = try row.value(first) else { return nil }
    self.init(
      id: id,
      name: try row.value(first + 1),
      lastHeartbeat: try row.value(first + 2),
      lastSeen: try row.value(first + 3)
    )
  }
}
