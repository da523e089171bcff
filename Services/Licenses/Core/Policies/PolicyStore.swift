internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

/// Where policies are kept.
///
/// All of its SQL is here.
struct PolicyStore: Sendable {
  let database: Database

  /// What ``Policy/init(_:from:)`` reads, of a table called `p`.
  static let columns = """
    p.id, p.product_id, p.name, p.template, p.max_machines, p.max_uses, p.floating, p.duration_days,
    p.expiration_strategy, p.require_heartbeat, p.heartbeat_interval_minutes,
    p.heartbeat_cull_strategy, p.require_fingerprint, p.fingerprint_uniqueness,
    p.offline_allowed, p.offline_max_days, p.allow_machine_transfer, p.is_trial,
    p.trial_duration_days, p.overridable, p.max_unique_fingerprints, p.metadata, p.created_at,
    p.updated_at, \(EntitlementCodes.ofPolicy)
    """
  /// How many ``columns`` there are.
  static let columnCount = 25

  /// Adds a policy to a product.
  ///
  /// - Returns: False when the tenant has no such product.
  func insert(
    _ policy: Policy,
    _ tenant: Tenant,
    id: UUID,
    product: UUID,
    at now: Timestamp
  ) async throws(Fault) -> Bool {
    let rows = try await database.query(
      for: tenant,
      """
      insert into licenses.policies (
        account_id, environment, id, product_id, name, template, max_machines, max_uses, floating,
        duration_days, expiration_strategy, require_heartbeat, heartbeat_interval_minutes,
        heartbeat_cull_strategy, require_fingerprint, fingerprint_uniqueness, offline_allowed,
        offline_max_days, allow_machine_transfer, is_trial, trial_duration_days, overridable,
        max_unique_fingerprints, metadata, created_at, updated_at)
      select
        account_id, environment, \(id), id, \(policy.name), \(policy.template?.wireName),
        \(policy.maxMachines), \(policy.maxUses), \(policy.floating), \(policy.durationDays),
        \(policy.expirationStrategy.wireName), \(policy.requireHeartbeat),
        \(policy.heartbeatIntervalMinutes), \(policy.heartbeatCullStrategy.wireName),
        \(policy.requireFingerprint), \(policy.fingerprintUniqueness.wireName), \(policy.offlineAllowed),
        \(policy.offlineMaxDays), \(policy.allowMachineTransfer), \(policy.isTrial),
        \(policy.trialDurationDays), \(policy.overridable), \(policy.maxUniqueFingerprints),
        \(JSONB(text: policy.metadata)), \(now), \(now)
      from licenses.products where id = \(product) and deleted_at is null
      """
    )
    return rows.affectedCount == 1
  }

  /// Reads a tenant's policies below an id, newest first.
  func list(_ tenant: Tenant, below: UUID, rows: Int32) async throws(Fault) -> [Policy] {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: Self.columns) from licenses.policies p
      where p.id < \(below) and p.deleted_at is null
      order by p.id desc limit \(rows)
      """
    )
    var policies: [Policy] = []
    policies.reserveCapacity(rows.count)
    for row in rows { policies.append(try Policy(row, from: 0)) }
    return policies
  }

  /// Reads one of a tenant's policies.
  func get(_ tenant: Tenant, id: UUID) async throws(Fault) -> Policy? {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: Self.columns) from licenses.policies p
      where p.id = \(id) and p.deleted_at is null
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return try Policy(row, from: 0)
  }
}

extension Policy {
  /// Reads ``PolicyStore/columns``, which begin at a column.
  init(_ row: Row, from first: Int) throws(Fault) {
    let id: UUID = try row.value(first)
    let productID: UUID = try row.value(first + 1)
    let metadata: JSONB = try row.value(first + 21)
    let createdAt: Timestamp = try row.value(first + 22)
    let updatedAt: Timestamp = try row.value(first + 23)
    self.init(
      id: id.description,
      productId: productID.description,
      name: try row.value(first + 2),
      template: try row.namedOrNull(first + 3),
      maxMachines: try row.value(first + 4),
      maxUses: try row.value(first + 5),
      floating: try row.value(first + 6),
      durationDays: try row.value(first + 7),
      expirationStrategy: try row.named(first + 8),
      requireHeartbeat: try row.value(first + 9),
      heartbeatIntervalMinutes: try row.value(first + 10),
      heartbeatCullStrategy: try row.named(first + 11),
      requireFingerprint: try row.value(first + 12),
      fingerprintUniqueness: try row.named(first + 13),
      offlineAllowed: try row.value(first + 14),
      offlineMaxDays: try row.value(first + 15),
      allowMachineTransfer: try row.value(first + 16),
      isTrial: try row.value(first + 17),
      trialDurationDays: try row.value(first + 18),
      overridable: try row.value(first + 19),
      maxUniqueFingerprints: try row.value(first + 20),
      metadata: metadata.text,
      createdAt: createdAt.milliseconds,
      updatedAt: updatedAt.milliseconds,
      entitlements: try row.value(first + 24)
    )
  }
}
