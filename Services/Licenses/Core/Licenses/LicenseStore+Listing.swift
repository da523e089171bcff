internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// Lists of licenses.
///
/// Each combination of filters is a statement of its own, so that each gets the plan that fits it.
extension LicenseStore {
  /// Reads a tenant's licenses below an id, newest first, as they are at a moment.
  ///
  /// - Parameters:
  ///   - tenant: Whose licenses.
  ///   - filter: Which of them.
  ///   - below: The id that all are below.
  ///   - rows: How many at most.
  ///   - now: The moment.
  /// - Returns: The licenses, without policies and machines.
  /// - Throws: Faults of the database.
  func list(
    _ tenant: Tenant,
    _ filter: LicenseFilter,
    below: UUID,
    rows: Int32,
    at now: Timestamp
  ) async throws(Fault) -> [License] {
    let rows = try await database.read(
      for: tenant,
      Self.listing(filter, below: below, rows: rows, at: now)
    )
    var licenses: [License] = []
    licenses.reserveCapacity(rows.count)
    for row in rows {
      let strategy: Policy.ExpirationStrategy = try row.named(License.columnCount)
      licenses.append(try License(row).at(now, strategy: strategy))
    }
    return licenses
  }

  /// The statement that ``list(_:_:below:rows:at:)`` runs.
  static func listing(
    _ filter: LicenseFilter,
    below: UUID,
    rows: Int32,
    at now: Timestamp
  ) -> Query {
    let below = min(below, filter.below ?? below)
    return """
      select \(unescaped: License.columns), p.expiration_strategy
      from (\(matching(filter, below: below, rows: rows, at: now))) l \(unescaped: policyJoin)
      order by l.id desc limit \(rows)
      """
  }

  /// The rows of a list: of those written in the state that is wanted, and of those that have come into it by
  /// their expiry since.
  private static func matching(
    _ filter: LicenseFilter,
    below: UUID,
    rows: Int32,
    at now: Timestamp
  ) -> Query {
    let conditions = conditions(filter, below: below)
    let written: Query =
      switch filter.status {
      case nil: ""
      case .active: "and l.status = 'active' and (l.expires_at is null or l.expires_at > \(now))"
      case .suspended: "and l.status = 'suspended'"
      case .expired: "and l.status = 'expired'"
      case .revoked: "and l.status = 'revoked'"
      case .banned: "and l.status = 'banned'"
      }
    let stored: Query = """
      select l.* from licenses.licenses l where \(conditions) \(written)
      order by l.id desc limit \(rows)
      """
    guard filter.status == .expired || filter.status == .revoked else { return stored }
    // Few are due at a time, so they are found by their expiry, and only then put in order.
    return """
      (\(stored)) union all (
        select * from (
          select l.* from licenses.licenses l \(unescaped: policyJoin)
          where \(conditions) and l.status = 'active' and l.expires_at is not null
            and l.expires_at <= \(now)
            and (p.expiration_strategy = 'REVOKE') = \(filter.status == .revoked)
          offset 0
        ) l order by l.id desc limit \(rows))
      """
  }

  private static func conditions(_ filter: LicenseFilter, below: UUID) -> Query {
    var conditions: Query = "l.deleted_at is null and l.id < \(below)"
    if let from = filter.from { conditions = "\(conditions) and l.id >= \(from)" }
    if let product = filter.product { conditions = "\(conditions) and l.product_id = \(product)" }
    if let policy = filter.policy { conditions = "\(conditions) and l.policy_id = \(policy)" }
    if let email = filter.userEmail {
      conditions = """
        \(conditions) and l.user_email_folded = lower(\(email)::text) and l.user_email is not null
        """
    }
    if let (name, value) = filter.metadata {
      conditions = """
        \(conditions) and exists (
          select from licenses.license_metadata m
          where m.account_id = l.account_id and m.environment = l.environment
            and m.license_id = l.id and m.name = \(name) and m.value = \(value)
            and m.license_id < \(below))
        """
    }
    return conditions
  }
}
