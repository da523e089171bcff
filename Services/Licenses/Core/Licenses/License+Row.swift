internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

extension License {
  /// The columns that ``init(_:)`` reads, of a table called `l`.
  static let columns = """
    l.id, l.name, l.status, l.product_id, l.policy_id, l.user_email, l.user_name, l.expires_at,
    l.max_machines_override, l.max_uses_override, l.uses_count, l.machine_count, l.suspended_at,
    l.revoked_at, l.banned_at, l.metadata, l.created_at, l.updated_at
    """
  /// How many ``columns`` there are.
  static let columnCount = 18

  /// Reads a row of ``columns``, as it was written.
  init(_ row: Row) throws(Fault) {
    let id: UUID = try row.value(0)
    let productID: UUID = try row.value(3)
    let policyID: UUID = try row.value(4)
    let expiresAt: Timestamp? = try row.value(7)
    let suspendedAt: Timestamp? = try row.value(12)
    let revokedAt: Timestamp? = try row.value(13)
    let bannedAt: Timestamp? = try row.value(14)
    let metadata: JSONB = try row.value(15)
    let createdAt: Timestamp = try row.value(16)
    let updatedAt: Timestamp = try row.value(17)
    self.init(
      id: id.description,
      key: nil,
      name: try row.value(1),
      status: try row.named(2),
      productId: productID.description,
      policyId: policyID.description,
      userEmail: try row.value(5),
      userName: try row.value(6),
      expiresAt: expiresAt?.milliseconds,
      maxMachinesOverride: try row.value(8),
      maxUsesOverride: try row.value(9),
      usesCount: try row.value(10),
      machineCount: try row.value(11),
      entitlements: [],
      suspendedAt: suspendedAt?.milliseconds,
      revokedAt: revokedAt?.milliseconds,
      bannedAt: bannedAt?.milliseconds,
      createdAt: createdAt.milliseconds,
      updatedAt: updatedAt.milliseconds,
      deletedAt: nil,
      metadata: metadata.text,
      machines: [],
      policy: nil
    )
  }
}
