/// The codes of the entitlements that are in effect, as expressions for queries.
///
/// Policies and licenses list ids; most list none, and then nothing is looked up. A license has those of its policy
/// and its own.
enum EntitlementCodes {
  /// Those of a license `l` with its policy `p`, sorted.
  static let ofLicense = codes(of: "l", ids: "l.entitlement_ids || p.entitlement_ids")
  /// Those of a policy `p`, sorted.
  static let ofPolicy = codes(of: "p", ids: "p.entitlement_ids")

  private static func codes(of row: String, ids: String) -> String {
    """
    case when cardinality(\(ids)) = 0 then '{}'::text[] else (
      select coalesce(array_agg(e.code order by e.code collate "C"), '{}'::text[])
      from licenses.entitlements e
      where e.account_id = \(row).account_id and e.environment = \(row).environment
        and e.id = any (\(ids)) and e.deleted_at is null)
    end
    """
  }
}
