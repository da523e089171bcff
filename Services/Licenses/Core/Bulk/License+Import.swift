internal import Faults
internal import Messages
internal import Primitives

extension License {
  /// The license that a row of a file describes, with its policy; pure rules.
  ///
  /// One whose expiry has passed is expired, or revoked by its policy's strategy, from the beginning.
  ///
  /// - Parameters:
  ///   - row: The row.
  ///   - product: Its product.
  ///   - policy: Its policy.
  ///   - hasExpiry: Whether the file says when licenses expire; where it does not, the policy does.
  ///   - id: The license's id.
  ///   - now: The moment.
  /// - Throws: ``Fault`` `BUSINESS_RULE_VIOLATION` when the policy is of another product or does not admit the
  ///   row's limits; `invalidArgument` for a state that does not go with the expiry.
  init(
    importing row: LicenseRow,
    product: UUID,
    policy: Policy,
    hasExpiry: Bool,
    id: UUID,
    at now: Timestamp
  ) throws(Fault) {
    let request = CreateLicenseRequest(
      productId: product.description,
      policyId: policy.id,
      name: row.name,
      expiresAt: row.expiresAt,
      maxMachinesOverride: row.maxMachinesOverride,
      maxUsesOverride: row.maxUsesOverride,
      userEmail: row.userEmail,
      userName: row.userName,
      metadata: row.metadata
    )
    var license = try License(creating: request, policy: policy, entitlements: [], id: id, at: now)
    if hasExpiry { license.expiresAt = row.expiresAt }
    license.usesCount = row.usesCount ?? 0
    license.status = row.status ?? .active
    switch license.status {
    case .active: license = license.at(now, strategy: policy.expirationStrategy)
    case .expired:
      guard let expiresAt = license.expiresAt, expiresAt <= now.milliseconds else {
        throw .invalid([
          Fault.Issue(
            path: ["status"],
            message: "An expired license has an expiresAt in the past",
            code: "custom"
          )
        ])
      }
    case .suspended: license.suspendedAt = now.milliseconds
    case .revoked: license.revokedAt = now.milliseconds
    case .banned: license.bannedAt = now.milliseconds
    }
    self = license
  }
}
