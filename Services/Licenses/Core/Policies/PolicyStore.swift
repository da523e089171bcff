internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

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

  /// Adds a policy to a product, which is not deleted before the transaction has ended.
  ///
  /// - Returns: False when the tenant has no such product.
  @EventLoop
  func insert(
    _ policy: Policy,
    id: UUID,
    product: UUID,
    _ change: Change
  ) async throws(Fault) -> Bool {
    try await storingMetadata { () async throws(Fault) in
      try await change.transaction.query(
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
          \(JSONB(text: policy.metadata)), \(change.now), \(change.now)
        from licenses.products where id = \(product) and deleted_at is null
        for key share
        """
      ).affectedCount == 1
    }
  }

  /// Reads a policy, which nobody else changes until the transaction ends.
  ///
  /// - Returns: Nil when the tenant has no such policy.
  @EventLoop
  func lock(_ id: UUID, _ change: Change) async throws(Fault) -> Policy? {
    // The lock comes first: what is read behind it is what whoever held it has left.
    change.transaction.send("select from licenses.policies where id = \(id) for update")
    return try Self.policy(try await change.transaction.query(Self.selection(id)))
  }

  /// Writes a locked policy as it has become; its product, template and entitlements are not touched.
  @EventLoop
  func update(_ policy: Policy, id: UUID, _ change: Change) async throws(Fault) {
    _ = try await storingMetadata { () async throws(Fault) in
      try await change.transaction.query(
        """
        update licenses.policies set
          name = \(policy.name), max_machines = \(policy.maxMachines), max_uses = \(policy.maxUses),
          floating = \(policy.floating), duration_days = \(policy.durationDays),
          expiration_strategy = \(policy.expirationStrategy.wireName),
          require_heartbeat = \(policy.requireHeartbeat),
          heartbeat_interval_minutes = \(policy.heartbeatIntervalMinutes),
          heartbeat_cull_strategy = \(policy.heartbeatCullStrategy.wireName),
          require_fingerprint = \(policy.requireFingerprint),
          fingerprint_uniqueness = \(policy.fingerprintUniqueness.wireName),
          offline_allowed = \(policy.offlineAllowed), offline_max_days = \(policy.offlineMaxDays),
          allow_machine_transfer = \(policy.allowMachineTransfer), is_trial = \(policy.isTrial),
          trial_duration_days = \(policy.trialDurationDays), overridable = \(policy.overridable),
          max_unique_fingerprints = \(policy.maxUniqueFingerprints),
          metadata = \(JSONB(text: policy.metadata)), updated_at = \(change.now)
        where id = \(id)
        """
      )
    }
  }

  /// Deletes a locked policy, unless licenses are on it.
  ///
  /// Whoever puts a license on a policy locks the policy against this first, so none comes in between.
  ///
  /// - Returns: False when licenses are on it.
  @EventLoop
  func delete(_ id: UUID, _ change: Change) async throws(Fault) -> Bool {
    let licenses = try await change.transaction.query(
      "select from licenses.licenses where policy_id = \(id) and deleted_at is null limit 1"
    )
    guard licenses.isEmpty else { return false }
    change.transaction.send(
      """
      update licenses.policies set deleted_at = \(change.now), updated_at = \(change.now)
      where id = \(id)
      """
    )
    return true
  }

  /// Reads a tenant's policies below an id, newest first.
  ///
  /// - Parameters:
  ///   - tenant: Whose.
  ///   - product: Of this product only; of all when nil.
  ///   - below: What every id must be below.
  ///   - rows: How many at most.
  /// - Returns: The policies.
  /// - Throws: Faults of the database.
  func list(
    _ tenant: Tenant,
    product: UUID?,
    below: UUID,
    rows: Int32
  ) async throws(Fault) -> [Policy] {
    let listing = Self.listing(product: product, below: below, rows: rows)
    let rows = try await database.read(for: tenant, listing)
    return try rows.map { (row) throws(Fault) in try Policy(row, from: 0) }
  }

  /// What ``list(_:product:below:rows:)`` asks the database.
  static func listing(product: UUID?, below: UUID, rows: Int32) -> Query {
    let ofProduct: Query = product.map { "and p.product_id = \($0)" } ?? ""
    return """
      select \(unescaped: columns) from licenses.policies p
      where p.id < \(below) and p.deleted_at is null \(ofProduct)
      order by p.id desc limit \(rows)
      """
  }

  /// Reads one of a tenant's policies.
  func get(_ tenant: Tenant, id: UUID) async throws(Fault) -> Policy? {
    try Self.policy(try await database.read(for: tenant, Self.selection(id)))
  }

  private static func selection(_ id: UUID) -> Query {
    """
    select \(unescaped: columns) from licenses.policies p
    where p.id = \(id) and p.deleted_at is null
    """
  }

  private static func policy(_ rows: Rows) throws(Fault) -> Policy? {
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
