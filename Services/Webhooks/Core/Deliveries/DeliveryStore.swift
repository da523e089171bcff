internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit
internal import WebhooksSending

/// Where deliveries are kept: the queue of those to be made, and the log of those that came to an end.
///
/// All of the SQL of claiming them and of writing what became of them is here; what the log shows and mends is in
/// DeliveryStore+Log.swift.
struct DeliveryStore: Sendable {
  let database: Database

  /// Claims deliveries that are due, across accounts, going on from endpoint to endpoint.
  ///
  /// - Parameters:
  ///   - now: The time.
  ///   - behind: The endpoint that was served last.
  ///   - excluded: Endpoints that have as much in memory as they may.
  ///   - eachMax: How many of one endpoint.
  ///   - totalMax: How many in all.
  /// - Returns: Those claimed.
  /// - Throws: Faults of the database.
  @EventLoop
  func claim(
    at now: Timestamp,
    behind: UUID,
    excluding excluded: [UUID],
    eachMax: Int32,
    totalMax: Int32
  ) async throws(Fault) -> [ClaimedDelivery] {
    // Taken before the statement: the lease is never believed to end later than it does.
    let leaseEnds = Instant.now + ClaimedDelivery.lease
    let rows = try await database.query(
      """
      select account_id, environment, endpoint_id, endpoint_version, id, event_id, event_type,
        license_id, line_position, attempt_count, body
      from webhooks.claim_deliveries(\(now), \(now + ClaimedDelivery.lease), \(behind), \(excluded),
        \(eachMax), \(totalMax))
      """
    )
    return try rows.map { (row) throws(Fault) in try ClaimedDelivery(row, leaseEnds: leaseEnds) }
  }

  /// Writes what became of some of a tenant's deliveries, and how their webhooks are.
  ///
  /// What somebody else has finished meanwhile, or given up, is passed by.
  ///
  /// - Returns: The webhooks that are to be disabled.
  @EventLoop
  func write(
    _ results: [DeliveryResult],
    of tenant: Tenant,
    at now: Timestamp
  ) async throws(Fault) -> [UUID: EndpointHealth.Disabling] {
    try await database.transaction(for: tenant) { (transaction) async throws(Fault) in
      finish(results, now, transaction)
      postpone(results, transaction)
      return try await noteHealth(results, at: now, transaction)
    }
  }

  @EventLoop
  private func finish(_ results: [DeliveryResult], _ now: Timestamp, _ transaction: Transaction) {
    var ended: [(result: DeliveryResult, status: Delivery.Status)] = []
    for result in results {
      if case .finished(let status) = result.fate { ended.append((result, status)) }
    }
    guard !ended.isEmpty else { return }
    transaction.send(
      """
      with result as (
        select * from unnest(\(ended.map(\.result.delivery.endpointID)),
          \(ended.map(\.result.delivery.id)), \(ended.map(\.status.wireName)),
          \(ended.map(\.result.encodedAttempt))) as r (endpoint_id, id, status, attempt)
      ), gone as (
        delete from webhooks.pending_deliveries d using result r
        where d.endpoint_id = r.endpoint_id and d.id = r.id
        returning d.*, r.status, r.attempt
      )
      insert into webhooks.finished_deliveries (
        account_id, environment, endpoint_id, id, event_id, event_type, license_id, line_position,
        status, attempt_count, attempts, created_at, finished_at)
      select account_id, environment, endpoint_id, id, event_id, event_type, license_id,
        line_position, status,
        attempt_count + case when attempt = '' then 0 else 1 end, attempts || attempt, created_at,
        \(now)
      from gone
      """
    )
  }

  @EventLoop
  private func postpone(_ results: [DeliveryResult], _ transaction: Transaction) {
    var due: [(result: DeliveryResult, at: Timestamp)] = []
    for result in results {
      switch result.fate {
      case .retried(let moment), .released(let moment): due.append((result, moment))
      case .finished: break
      }
    }
    guard !due.isEmpty else { return }
    transaction.send(
      """
      update webhooks.pending_deliveries d set due_at = r.due_at,
        attempt_count = d.attempt_count + case when r.attempt = '' then 0 else 1 end,
        attempts = d.attempts || r.attempt
      from unnest(\(due.map(\.result.delivery.endpointID)), \(due.map(\.result.delivery.id)),
        \(due.map(\.at)), \(due.map(\.result.encodedAttempt)))
        as r (endpoint_id, id, due_at, attempt)
      where d.endpoint_id = r.endpoint_id and d.id = r.id
      """
    )
  }

  /// Writes since when webhooks have failed, or that they have recovered.
  @EventLoop
  private func noteHealth(
    _ results: [DeliveryResult],
    at now: Timestamp,
    _ transaction: Transaction
  ) async throws(Fault) -> [UUID: EndpointHealth.Disabling] {
    let judged = results.filter { $0.verdict != .undecided }
    let troubled = Set(judged.filter { $0.verdict != .delivered }.map(\.delivery.endpointID))
    let recovered = Set(judged.map(\.delivery.endpointID)).subtracting(troubled).sorted()
    if !recovered.isEmpty {
      transaction.send(
        """
        update webhooks.endpoints e set failing_since = null, failure_count = 0
        where e.id in (
          select c.id from webhooks.endpoints c
          where c.id = any (\(recovered)) and c.failing_since is not null
          order by c.id for no key update)
        """
      )
    }
    guard !troubled.isEmpty else { return [:] }
    let rows = try await transaction.query(
      """
      select id, failing_since, failure_count from webhooks.endpoints
      where id = any (\(troubled.sorted())) and disabled_at is null and deleted_at is null
      order by id for no key update
      """
    )
    var disabled: [UUID: EndpointHealth.Disabling] = [:]
    var written: [(id: UUID, health: EndpointHealth)] = []
    for row in rows {
      let (id, since, count) = try row.values(UUID.self, Timestamp?.self, Int32.self)
      var health = EndpointHealth(failingSince: since, failureCount: Int(count))
      for result in judged where result.delivery.endpointID == id {
        if let reason = health.record(result.verdict, at: now) { disabled[id] = reason }
      }
      written.append((id, health))
    }
    transaction.send(
      """
      update webhooks.endpoints e set failing_since = n.since, failure_count = n.count
      from unnest(\(written.map(\.id)), \(written.map(\.health.failingSince)),
        \(written.map { Int32(clamping: $0.health.failureCount) })) as n (id, since, count)
      where e.id = n.id
      """
    )
    return disabled
  }

  /// Lets the heads of lines go: the lowest delivery of each that has not come to an end, if it waits.
  ///
  /// Called when events were added to lines and when deliveries of lines have come to an end, each time after that was
  /// committed: whoever comes second sees what both have done.
  func advance(
    _ lines: [DeliveryLine],
    of tenant: Tenant,
    at now: Timestamp
  ) async throws(Fault) {
    try await database.query(
      for: tenant,
      """
      update webhooks.pending_deliveries d set due_at = \(now)
      from unnest(\(lines.map(\.endpointID)), \(lines.map(\.licenseID))) as l (endpoint_id, license_id)
      cross join lateral (
        select w.id, w.due_at from webhooks.pending_deliveries w
        where w.account_id = \(tenant.accountID) and w.environment = \(tenant.environment)
          and w.endpoint_id = l.endpoint_id and w.license_id = l.license_id
          and w.line_position is not null
        order by w.line_position limit 1
      ) head
      where head.due_at is null and d.due_at is null
        and d.account_id = \(tenant.accountID) and d.environment = \(tenant.environment)
        and d.endpoint_id = l.endpoint_id and d.id = head.id
      """
    )
  }

  /// Lets go what should have gone long ago, across accounts: whoever should have let it go has died.
  func advanceStuckLines(at now: Timestamp) async throws(Fault) {
    try await database.query("select webhooks.advance_stuck_lines(\(now))")
  }
}
