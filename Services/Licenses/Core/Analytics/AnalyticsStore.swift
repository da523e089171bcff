internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// Where the numbers of a tenant come from.
///
/// All of its SQL is here. Each statement reads one index, and no row of a license or machine.
struct AnalyticsStore: Sendable {
  let database: Database

  /// How many days the trend shows, today included.
  private static let trendDays: Int64 = 7

  /// Counts licenses by the state that they are in at a moment, their expiry considered.
  func licenses(_ tenant: Tenant, at now: Timestamp) async throws(Fault) -> Analytics.LicenseCounts
  {
    let written = try await database.read(for: tenant, Self.licensesByStatus)
    var counts: [License.Status: Int64] = [:]
    for row in written { counts[try row.named(0)] = try row.value(1) as Int64 }
    let due = try await database.read(for: tenant, Self.dueLicenses(at: now))
    for row in due {
      let strategy: Policy.ExpirationStrategy = try row.named(0)
      let count: Int64 = try row.value(1)
      counts[.active, default: 0] -= count
      counts[strategy == .revoke ? .revoked : .expired, default: 0] += count
    }
    return Analytics.LicenseCounts(
      total: counts.values.reduce(0, +),
      // Both statements see their own moment; in between a sweeper may have written some down.
      active: max(0, counts[.active] ?? 0),
      expired: counts[.expired] ?? 0,
      suspended: counts[.suspended] ?? 0,
      revoked: counts[.revoked] ?? 0,
      banned: counts[.banned] ?? 0
    )
  }

  /// Licenses by the state that was written.
  static let licensesByStatus: Query = """
    select status, count(*) from licenses.licenses where deleted_at is null group by status
    """

  /// Those of them whose expiry has passed since; few, as the sweeper follows within seconds.
  static func dueLicenses(at now: Timestamp) -> Query {
    """
    select p.expiration_strategy, count(*)
    from licenses.licenses l \(unescaped: LicenseStore.policyJoin)
    where l.status = 'active' and l.deleted_at is null and l.expires_at is not null
      and l.expires_at <= \(now)
    group by p.expiration_strategy
    """
  }

  /// Counts active machines, and those that are dead but kept.
  func machines(_ tenant: Tenant) async throws(Fault) -> Analytics.MachineCounts {
    let row = try await database.read(for: tenant, Self.machineCounts).single()
    let (total, dead) = try row.values(Int64.self, Int64.self)
    return Analytics.MachineCounts(total: total, active: total - dead, dead: dead)
  }

  static let machineCounts: Query = """
    select (select count(*) from licenses.machines where deleted_at is null),
      (select count(*) from licenses.machines where deleted_at is null and died_at is not null)
    """

  /// Counts the activations of the last days, of machines that are gone too.
  func trend(_ tenant: Tenant, at now: Timestamp) async throws(Fault) -> [Analytics.Day] {
    let days = Self.days(until: now)
    let rows = try await database.read(for: tenant, Self.activations(on: days))
    var trend: [Analytics.Day] = []
    for (day, row) in zip(days, rows) {
      // The date is the first ten characters of the moment.
      trend.append(Analytics.Day(date: String(day.iso8601.prefix(10)), count: try row.value(0)))
    }
    return trend
  }

  /// The beginnings of the trend's days, UTC, the oldest first.
  static func days(until now: Timestamp) -> [Timestamp] {
    let dayMilliseconds: Int64 = 86_400_000
    // Rounded down, also before 1970.
    let today =
      now.milliseconds - ((now.milliseconds % dayMilliseconds) + dayMilliseconds) % dayMilliseconds
    return (0..<trendDays).map {
      Timestamp(milliseconds: today - (trendDays - 1 - $0) * dayMilliseconds)
    }
  }

  /// Machines by the time in their ids, so that the primary key is all that is read.
  static func activations(on days: [Timestamp]) -> Query {
    let from = days.map { UUID.lowest7(at: $0) }
    let to = days.map { UUID.lowest7(at: $0 + .seconds(86_400)) }
    return """
      select (
        select count(*) from licenses.machines m where m.id >= day.first and m.id < day.last)
      from unnest(\(from), \(to)) with ordinality as day (first, last, place) order by day.place
      """
  }

  /// Counts validations since the beginning.
  func validations(_ tenant: Tenant) async throws(Fault) -> Analytics.ValidationCounts {
    let row = try await database.read(
      for: tenant,
      """
      select coalesce(sum(successful), 0)::bigint, coalesce(sum(failed), 0)::bigint
      from licenses.validation_counts
      """
    ).single()
    let (successful, failed) = try row.values(Int64.self, Int64.self)
    return Analytics.ValidationCounts(
      total: successful + failed,
      successful: successful,
      failed: failed
    )
  }
}
