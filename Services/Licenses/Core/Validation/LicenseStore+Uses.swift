internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

extension LicenseStore {
  /// Counts uses of a tenant's licenses, as many of each as its limit leaves, and commits them.
  ///
  /// The limit is read anew under the rows' locks, which are taken in the order of ids, so that two batches cannot
  /// wait for each other.
  ///
  /// - Returns: For each use that was counted, how many its license has had then; the others are left out.
  func count(_ uses: [LicenseUse], for tenant: Tenant) async throws(Fault) -> [LicenseUse: Int64] {
    var asked: [UUID: Int64] = [:]
    for use in uses { asked[use.license, default: 0] += 1 }
    let licenses = Array(asked.keys)
    let rows = try await database.query(
      for: tenant,
      """
      with locked as (
        select l.id, l.uses_count,
          least(asked.uses, greatest(0,
            coalesce(l.max_uses_override, p.max_uses, l.uses_count + asked.uses) - l.uses_count))
            as granted
        from unnest(\(licenses), \(licenses.map { asked[$0] ?? 0 })) as asked (id, uses)
        join licenses.licenses l on l.id = asked.id
        \(unescaped: Self.policyJoin)
        where l.deleted_at is null
        order by l.id for update of l
      )
      update licenses.licenses l set uses_count = l.uses_count + locked.granted
      from locked where l.id = locked.id and locked.granted > 0
      returning l.id, locked.uses_count, locked.granted
      """
    )
    var counted: [UUID: Range<Int64>] = [:]
    for row in rows {
      let (id, before, granted) = try row.values(UUID.self, Int64.self, Int64.self)
      counted[id] = before..<before + granted
    }
    var answers: [LicenseUse: Int64] = [:]
    for use in uses {
      guard let range = counted[use.license], !range.isEmpty else { continue }
      answers[use] = range.lowerBound + 1
      counted[use.license] = range.lowerBound + 1..<range.upperBound
    }
    return answers
  }

  /// Counts one use of a license that is locked, and notes when it was first valid.
  ///
  /// It travels with the next statement.
  @EventLoop
  func countUse(of license: UUID, _ change: Change) {
    change.transaction.send(
      """
      update licenses.licenses
      set uses_count = uses_count + 1, activated_at = coalesce(activated_at, \(change.now))
      where id = \(license)
      """
    )
  }

  /// Adds what was gathered of one tenant: uses of licenses without a limit, and the day's validations.
  func add(_ gathered: ValidationTally.Counts, for tenant: Tenant) async throws(Fault) {
    let licenses = gathered.uses.keys.sorted()
    let days = Array(gathered.days.keys)
    try await database.query(
      for: tenant,
      """
      with locked as (
        select l.id, added.uses
        from unnest(\(licenses), \(licenses.map { gathered.uses[$0] ?? 0 })) as added (id, uses)
        join licenses.licenses l on l.id = added.id
        order by l.id for update of l
      ), used as (
        update licenses.licenses l set uses_count = l.uses_count + locked.uses
        from locked where l.id = locked.id
      )
      insert into licenses.validation_counts as c (
        account_id, environment, day, successful, failed)
      select \(tenant.accountID), \(tenant.environment), (d.day at time zone 'UTC')::date,
        d.successful, d.failed
      from unnest(\(days), \(days.map { gathered.days[$0]?.successful ?? 0 }),
        \(days.map { gathered.days[$0]?.failed ?? 0 })) as d (day, successful, failed)
      order by 3
      on conflict (account_id, environment, day) do update
        set successful = c.successful + excluded.successful, failed = c.failed + excluded.failed
      """
    )
  }
}
