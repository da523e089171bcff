internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// Where machines are kept.
///
/// All of its SQL is here and in its extensions.
struct MachineStore: Sendable {
  let database: Database

  /// A machine's license, and the license's policy, joined by the whole of their primary keys.
  static let licenseJoin = """
    join licenses.licenses l
      on l.account_id = m.account_id and l.environment = m.environment and l.id = m.license_id
    join licenses.policies p
      on p.account_id = l.account_id and p.environment = l.environment and p.id = l.policy_id
    """

  /// Which machines a list shows.
  struct Filter {
    /// Of this license only.
    var license: UUID?
    /// With this fingerprint only.
    var fingerprint: String?
  }

  /// Reads a page of a tenant's machines, newest first, as they are at a moment.
  func list(
    _ tenant: Tenant,
    _ filter: Filter,
    _ page: Page,
    at now: Timestamp
  ) async throws(Fault) -> [Machine] {
    let rows = try await database.read(for: tenant, Self.listing(filter, page))
    return try rows.map { (row) throws(Fault) in try Self.machine(row, at: now) }
  }

  /// Each filter has a text of its own, so that each has a plan of its own, by its index.
  static func listing(_ filter: Filter, _ page: Page) -> Query {
    switch (filter.license, filter.fingerprint) {
    case (nil, nil):
      """
      \(unescaped: listed) where m.id < \(page.below) and m.deleted_at is null
      order by m.id desc limit \(page.rows)
      """
    case (let license?, nil):
      """
      \(unescaped: listed) where m.license_id = \(license)
        and m.id < \(page.below) and m.deleted_at is null
      order by m.id desc limit \(page.rows)
      """
    case (nil, let fingerprint?):
      """
      \(unescaped: listed) where m.fingerprint = \(fingerprint)
        and m.id < \(page.below) and m.deleted_at is null
      order by m.id desc limit \(page.rows)
      """
    case (let license?, let fingerprint?):
      """
      \(unescaped: listed) where m.license_id = \(license)
        and m.fingerprint = \(fingerprint) and m.id < \(page.below) and m.deleted_at is null
      order by m.id desc limit \(page.rows)
      """
    }
  }

  /// Reads one of a tenant's machines, as it is at a moment.
  func get(_ tenant: Tenant, id: UUID, at now: Timestamp) async throws(Fault) -> Machine? {
    let rows = try await database.read(
      for: tenant,
      "\(unescaped: Self.listed) where m.id = \(id) and m.deleted_at is null"
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return try Self.machine(row, at: now)
  }

  private static let listed = """
    select \(Machine.columns), \(HeartbeatTerms.columns)
    from licenses.machines m \(licenseJoin)
    """

  private static func machine(_ row: Row, at now: Timestamp) throws(Fault) -> Machine {
    let terms = try HeartbeatTerms(row, from: Machine.columnCount)
    return try Machine(row, from: 0, on: terms, at: now)
  }
}
