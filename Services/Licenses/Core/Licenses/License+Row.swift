internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

extension License {
  /// The columns that ``init(_:)`` reads, of a table called `l`.
  static let columns = """
    l.id, l.name, l.status, l.product_id, l.policy_id, l.user_email, l.user_name, l.expires_at,
    l.max_machines_override, l.max_uses_override, l.uses_count, l.machine_count, l.suspended_at,
    l.revoked_at, l.banned_at, l.metadata, l.created_at, l.updated_at,
    \(EntitlementCodes.ofLicense), l.sealed_key is not null
    """
  /// How many ``columns`` there are.
  static let columnCount = 20

  /// Reads ``columns``, which begin at a column, as they were written.
  init(_ row: Row, from first: Int = 0) throws(Fault) {
    let id: UUID = try row.value(first)
    let productID: UUID = try row.value(first + 3)
    let policyID: UUID = try row.value(first + 4)
    let expiresAt: Timestamp? = try row.value(first + 7)
    let suspendedAt: Timestamp? = try row.value(first + 12)
    let revokedAt: Timestamp? = try row.value(first + 13)
    let bannedAt: Timestamp? = try row.value(first + 14)
    let metadata: JSONB = try row.value(first + 15)
    let createdAt: Timestamp = try row.value(first + 16)
    let updatedAt: Timestamp = try row.value(first + 17)
    self.init(
      id: id.description,
      key: nil,
      name: try row.value(first + 1),
      status: try row.named(first + 2),
      productId: productID.description,
      policyId: policyID.description,
      userEmail: try row.value(first + 5),
      userName: try row.value(first + 6),
      expiresAt: expiresAt?.milliseconds,
      maxMachinesOverride: try row.value(first + 8),
      maxUsesOverride: try row.value(first + 9),
      usesCount: try row.value(first + 10),
      machineCount: try row.value(first + 11),
      entitlements: try row.value(first + 18),
      suspendedAt: suspendedAt?.milliseconds,
      revokedAt: revokedAt?.milliseconds,
      bannedAt: bannedAt?.milliseconds,
      createdAt: createdAt.milliseconds,
      updatedAt: updatedAt.milliseconds,
      deletedAt: nil,
      metadata: metadata.text,
      machines: [],
      policy: nil,
      keyStored: try row.value(first + 19)
    )
  }
}
