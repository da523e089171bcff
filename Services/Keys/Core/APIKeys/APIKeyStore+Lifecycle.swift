internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// What happens to an API key by itself: uses are noted, and warnings of its expiry.
extension APIKeyStore {
  /// Writes the minute of the last use of some of a tenant's API keys, where it is later than the one written.
  ///
  /// The rows are locked in one order, so that several processes can do so at once.
  func note(_ uses: [UUID: Timestamp], for tenant: Tenant) async throws(Fault) {
    try await database.query(
      for: tenant,
      """
      with used as (
        select k.id, n.minute
        from unnest(\(Array(uses.keys)), \(Array(uses.values))) as n (id, minute)
        join keys.api_keys k on k.id = n.id
        where k.last_used_at is null or k.last_used_at < n.minute
        order by k.id for no key update of k
      )
      update keys.api_keys k set last_used_at = used.minute from used where k.id = used.id
      """
    )
  }

  /// Finds API keys that expire soon and that nobody was warned of, across accounts.
  func expiring(
    after now: Timestamp,
    until end: Timestamp,
    count: Int32
  ) async throws(Fault) -> [Tenant: [UUID]] {
    let rows = try await database.read(
      """
      select account_id, environment, id
      from keys.expiring_api_keys(\(now), \(end), \(count))
      """
    )
    var due: [Tenant: [UUID]] = [:]
    for row in rows {
      let (account, environment, id) = try row.values(UUID.self, Environment.self, UUID.self)
      due[Tenant(accountID: account, environment: environment), default: []].append(id)
    }
    return due
  }

  /// Locks those of a tenant's API keys that are still to be warned of and that nobody else has locked.
  @EventLoop
  func lockUnwarned(
    _ ids: [UUID],
    until end: Timestamp,
    _ change: Change
  ) async throws(Fault) -> [APIKeyRecord] {
    let rows = try await change.transaction.query(
      """
      select \(unescaped: Self.columns) from keys.api_keys
      where id = any (\(ids)) and expires_at > \(change.now) and expires_at <= \(end)
        and revoked_at is null and replaced_by is null and expiry_warned_at is null
      order by id for update skip locked
      """
    )
    return try records(rows, change.tenant)
  }

  /// Writes that there was a warning of locked API keys.
  @EventLoop
  func noteWarned(_ ids: [UUID], _ change: Change) {
    guard !ids.isEmpty else { return }
    change.transaction.send(
      "update keys.api_keys set expiry_warned_at = \(change.now) where id = any (\(ids))"
    )
  }
}
