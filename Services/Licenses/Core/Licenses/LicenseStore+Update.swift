internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// What a change of a license touches beside its row's plain columns.
extension LicenseStore {
  /// Reads the codes in effect for a license on a policy, sorted.
  ///
  /// - Parameters:
  ///   - id: The license.
  ///   - policy: The policy that it is on from now on.
  ///   - own: The entitlements of its own from now on; nil for those that it has.
  ///   - change: The change.
  /// - Returns: The codes.
  /// - Throws: Faults of the database.
  func codes(
    of id: UUID,
    on policy: UUID,
    own: [UUID]?,
    _ change: Change
  ) async throws(Fault) -> [String] {
    let rows = try await change.transaction.query(
      """
      select e.code from licenses.licenses l
      join licenses.policies p on p.account_id = l.account_id and p.environment = l.environment
        and p.id = \(policy)
      join licenses.entitlements e on e.account_id = l.account_id and e.environment = l.environment
        and e.id = any (coalesce(\(own), l.entitlement_ids) || p.entitlement_ids)
      where l.id = \(id) and e.deleted_at is null order by e.code collate "C"
      """
    )
    return try rows.map { (row) throws(Fault) in try row.value(0) }
  }

  /// Gives a license other entitlements of its own.
  @EventLoop
  func set(_ entitlements: [UUID], of id: UUID, _ change: Change) {
    change.transaction.send(
      "update licenses.licenses set entitlement_ids = \(entitlements) where id = \(id)"
    )
  }

  /// Has a license's machines follow it to another policy.
  ///
  /// One that was unique within the old policy is so within its license alone from then on: it stays active even if the
  /// new policy has its fingerprint on another license.
  @EventLoop
  func moveMachines(of id: UUID, to policy: UUID, _ change: Change) {
    change.transaction.send(
      """
      update licenses.machines set policy_id = \(policy),
        unique_within = case when unique_within = account_id then account_id else license_id end
      where license_id = \(id) and deleted_at is null
      """
    )
  }

  /// Makes a license findable by other metadata than before.
  @EventLoop
  func reindex(metadataOf id: UUID, _ change: Change) {
    change.transaction.send("delete from licenses.license_metadata where license_id = \(id)")
    index(metadataOf: [id], change)
  }
}
