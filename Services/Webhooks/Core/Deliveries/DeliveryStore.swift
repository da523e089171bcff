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

  /// What a claim has brought.
  struct Claim: Sendable {
    let deliveries: [ClaimedDelivery]
    /// Behind which endpoint the next one goes on; nil when the turn is over.
    let stoppedAt: UUID?
  }

  /// Claims deliveries that are due, across accounts, going on from endpoint to endpoint.
  ///
  /// One claim goes past so many of them only; a turn, past each of them once, takes as many claims as it needs.
  ///
  /// - Parameters:
  ///   - lease: Who claims them, and until when.
  ///   - now: The time by which they are due.
  ///   - behind: The endpoint that was served last.
  ///   - turnBegan: The endpoint behind which the turn began.
  ///   - rooms: How many of an endpoint at most; none of one that has as much in memory as it may.
  ///   - eachMax: How many of every other.
  ///   - totalMax: How many in all.
  /// - Returns: Those claimed.
  /// - Throws: Faults of the database.
  @EventLoop
  func claim(
    for lease: Lease,
    at now: Timestamp,
    behind: UUID,
    turnBegan: UUID,
    rooms: [UUID: Int],
    eachMax: Int32,
    totalMax: Int32
  ) async throws(Fault) -> Claim {
    // Taken before the statement: the lease is never believed to end later than it does.
    let leaseEnds = Instant.now + ClaimedDelivery.lease
    let rows = try await database.query(
      """
      select account_id, environment, endpoint_id, endpoint_version, id, event_id, event_type,
        license_id, line_position, attempt_count, body, was_due
      from webhooks.claim_deliveries(\(lease.worker), \(now), \(lease.ends), \(behind),
        \(turnBegan), \(Array(rooms.keys)), \(rooms.values.map { Int32(clamping: $0) }), \(eachMax),
        \(totalMax))
      """
    )
    guard let last = rows.last else { throw .internalError("A claim does not say how far it came") }
    return Claim(
      deliveries: try rows.dropLast().map { (row) throws(Fault) in
        try ClaimedDelivery(row, leaseEnds: leaseEnds, claim: lease)
      },
      stoppedAt: try last.value(2)
    )
  }

  /// Gives back what was claimed under a lease: all of it, so only what is not in memory.
  ///
  /// - Throws: Faults of the database.
  func release(_ lease: Lease, at now: Timestamp) async throws(Fault) {
    try await database.query(
      "select webhooks.release_claims(\(lease.worker), \(lease.ends), \(now))"
    )
  }

  /// Lets anybody claim what processes that have died had claimed, and what was claimed for longer than a lease.
  ///
  /// - Returns: How many there were.
  /// - Throws: Faults of the database.
  func takeBack(at now: Timestamp) async throws(Fault) -> Int {
    let row = try await database.query("select webhooks.take_back(\(now))").single()
    return Int(try row.value(0) as Int32)
  }

  /// Deliveries across accounts that still wait though their events are of before a moment, without what is being made.
  ///
  /// - Parameters:
  ///   - moment: The moment.
  ///   - requeuedBefore: What was put back by request since then is left alone.
  ///   - count: How many at most.
  /// - Returns: Some of them, without what would be sent.
  /// - Throws: Faults of the database.
  @EventLoop
  func overdue(
    before moment: Timestamp,
    requeuedBefore: Timestamp,
    count: Int32
  ) async throws(Fault) -> [ClaimedDelivery] {
    let rows = try await database.read(
      """
      select account_id, environment, endpoint_id, 0, id, event_id, event_type, license_id,
        line_position, attempt_count, null::bytea, null::timestamptz
      from webhooks.overdue_deliveries(\(moment), \(requeuedBefore), \(count))
      """
    )
    return try rows.map { (row) throws(Fault) in
      try ClaimedDelivery(row, leaseEnds: .now, claim: nil)
    }
  }

  /// Writes what became of some of a tenant's deliveries, lets those go that waited for them in line, and writes how
  /// their webhooks are.
  ///
  /// What somebody else has finished meanwhile, or given up, is passed by; and so is what has failed under a claim that is no
  /// longer in force, since somebody else has claimed it, or it was put back by request. What was received is over in any
  /// case.
  ///
  /// - Returns: The webhooks that are to be disabled.
  /// - Throws: Faults of the database.
  @EventLoop
  func write(
    _ results: [DeliveryResult],
    of tenant: Tenant,
    at now: Timestamp
  ) async throws(Fault) -> [UUID: EndpointHealth.Disabling] {
    // In one order for all who lock several.
    let results = results.sorted {
      ($0.delivery.endpointID, $0.delivery.id) < ($1.delivery.endpointID, $1.delivery.id)
    }
    return try await database.transaction(for: tenant) { (transaction) async throws(Fault) in
      transaction.findByIndex()
      let lines = Array(Set(results.compactMap(\.movedLine)))
      // Before any delivery, as whoever mends deliveries by request does it too.
      let disabled = try await noteHealth(
        results,
        locking: lines.map(\.endpointID),
        at: now,
        transaction
      )
      if results.contains(where: \.isPostponed) { lock(results, transaction) }
      giveUp(results, now, transaction)
      postpone(results, transaction)
      finish(results, now, transaction)
      advance(lines, at: now, transaction)
      return disabled
    }
  }

  /// Locks deliveries in their order, where more than one statement is going to.
  @EventLoop
  private func lock(_ results: [DeliveryResult], _ transaction: Transaction) {
    transaction.send(
      """
      select d.id from unnest(\(results.map(\.delivery.endpointID)), \(results.map(\.delivery.id)))
        as r (endpoint_id, id)
      cross join lateral (
        select p.id from webhooks.pending_deliveries p
        where p.endpoint_id = r.endpoint_id and p.id = r.id offset 0 for update
      ) d
      """
    )
  }

  /// Moves what was received to the log, in one statement: that is nearly everything.
  ///
  /// It is over whoever has it by now, so rows are locked where they are found.
  @EventLoop
  private func finish(_ results: [DeliveryResult], _ now: Timestamp, _ transaction: Transaction) {
    var seen: Set<UUID> = []
    let received = results.filter { result in
      // Of two that say so, since it was sent again by request while it was being sent, the first counts.
      result.fate == .finished(.succeeded) && seen.insert(result.delivery.id).inserted
    }
    guard !received.isEmpty else { return }
    transaction.change(
      at: Self.places(of: received),
      """
      with gone as (
        delete from webhooks.pending_deliveries
        where \(unescaped: Transaction.isAtPlace) and id = any (\(received.map(\.delivery.id)))
        returning *
      )
      insert into webhooks.finished_deliveries (
        account_id, environment, endpoint_id, id, event_id, event_type, license_id, line_position,
        status, attempt_count, attempts, created_at, finished_at)
      select d.account_id, d.environment, d.endpoint_id, d.id, d.event_id, d.event_type,
        d.license_id, d.line_position, 'succeeded',
        d.attempt_count + case when r.attempt = '' then 0 else 1 end, d.attempts || r.attempt,
        d.created_at, \(now)
      from gone d
      join unnest(\(received.map(\.delivery.id)), \(received.map(\.encodedAttempt)))
        as r (id, attempt) on r.id = d.id
      """
    )
  }

  /// Moves what has come to its end without having been received to the log, where it is still what it was when it was
  /// claimed.
  ///
  /// In two statements: the first locks the rows, so that the second finds them as they were.
  @EventLoop
  private func giveUp(_ results: [DeliveryResult], _ now: Timestamp, _ transaction: Transaction) {
    // What was received is over, whatever else is said of it.
    let received = Set(
      results.lazy.filter { $0.fate == .finished(.succeeded) }.map(\.delivery.id)
    )
    var ended: [(result: DeliveryResult, status: Delivery.Status)] = []
    for result in results {
      guard case .finished(let status) = result.fate, !received.contains(result.delivery.id) else {
        continue
      }
      ended.append((result, status))
    }
    guard !ended.isEmpty else { return }
    transaction.send(
      """
      insert into webhooks.finished_deliveries (
        account_id, environment, endpoint_id, id, event_id, event_type, license_id, line_position,
        status, attempt_count, attempts, created_at, finished_at)
      select d.account_id, d.environment, d.endpoint_id, d.id, d.event_id, d.event_type,
        d.license_id, d.line_position, r.status,
        d.attempt_count + case when r.attempt = '' then 0 else 1 end, d.attempts || r.attempt,
        d.created_at, \(now)
      from unnest(\(ended.map(\.result.delivery.endpointID)), \(ended.map(\.result.delivery.id)),
        \(ended.map(\.status.wireName)), \(ended.map(\.result.encodedAttempt)),
        \(ended.map(\.result.delivery.claimedBy)), \(ended.map(\.result.delivery.claim?.ends)))
        as r (endpoint_id, id, status, attempt, claimed_by, lease_ends)
      cross join lateral (
        select * from webhooks.pending_deliveries p
        where p.endpoint_id = r.endpoint_id and p.id = r.id and \(Self.isUnchanged(at: now))
        offset 0 for update
      ) d
      """
    )
    transaction.change(
      at: """
        select d.place
        from unnest(\(ended.map(\.result.delivery.endpointID)), \(ended.map(\.result.delivery.id)),
          \(ended.map(\.result.delivery.claimedBy)), \(ended.map(\.result.delivery.claim?.ends)))
          as r (endpoint_id, id, claimed_by, lease_ends)
        cross join lateral (
          select p.ctid as place from webhooks.pending_deliveries p
          where p.endpoint_id = r.endpoint_id and p.id = r.id and \(Self.isUnchanged(at: now))
          offset 0
        ) d
        """,
      "delete from webhooks.pending_deliveries where \(unescaped: Transaction.isAtPlace)"
    )
  }

  /// Whether a pending delivery `p` is claimed as it was when the attempt was made that a result `r` is of; where that is
  /// of no attempt, whether nobody has put it back by request within a day.
  private static func isUnchanged(at now: Timestamp) -> Query {
    """
    ((p.claimed_by is null and r.claimed_by is null
        and (p.requeued_at is null or p.requeued_at < \(now - Webhooks.lastDay)))
      or (p.claimed_by = r.claimed_by and p.due_at = r.lease_ends))
    """
  }

  /// Finds where the rows of deliveries lie, one by one, and locks them there.
  private static func places(of results: [DeliveryResult]) -> Query {
    """
    select d.place from unnest(\(results.map(\.delivery.endpointID)), \(results.map(\.delivery.id)))
      as r (endpoint_id, id)
    cross join lateral (
      select p.ctid as place from webhooks.pending_deliveries p
      where p.endpoint_id = r.endpoint_id and p.id = r.id offset 0 for update
    ) d
    """
  }

  /// Gives back what has not come to its end: what has failed one by one, since each has its own time, and what was not
  /// tried together.
  ///
  /// What somebody else has claimed meanwhile, or put back by request, is theirs.
  @EventLoop
  private func postpone(_ results: [DeliveryResult], _ transaction: Transaction) {
    var untried: [Release: [DeliveryResult]] = [:]
    for result in results {
      switch result.fate {
      case .finished: break
      case .released(let moment):
        let release = Release(moment: moment, claim: result.delivery.claim)
        untried[release, default: []].append(result)
      case .retried(let moment):
        transaction.send(
          """
          update webhooks.pending_deliveries set due_at = \(moment), claimed_by = null,
            attempt_count = attempt_count + 1, attempts = attempts || \(result.encodedAttempt)
          where endpoint_id = \(result.delivery.endpointID) and id = \(result.delivery.id)
            and claimed_by = \(result.delivery.claimedBy) and due_at = \(result.delivery.claim?.ends)
          """
        )
      }
    }
    for (release, results) in untried {
      transaction.change(
        at: Self.places(of: results),
        """
        update webhooks.pending_deliveries set due_at = \(release.moment), claimed_by = null
        where \(unescaped: Transaction.isAtPlace) and claimed_by = \(release.claim?.worker)
          and due_at = \(release.claim?.ends)
        """
      )
    }
  }

  /// What several deliveries are given back by.
  private struct Release: Hashable {
    let moment: Timestamp
    let claim: Lease?
  }

  /// Writes since when webhooks have failed, or that they have recovered.
  ///
  /// - Parameters:
  ///   - results: What became of deliveries.
  ///   - lines: Webhooks that are locked in any case, since lines of theirs move on.
  ///   - now: The time.
  ///   - transaction: Where to.
  /// - Returns: The webhooks that are to be disabled.
  /// - Throws: Faults of the database.
  @EventLoop
  private func noteHealth(
    _ results: [DeliveryResult],
    locking lines: [UUID],
    at now: Timestamp,
    _ transaction: Transaction
  ) async throws(Fault) -> [UUID: EndpointHealth.Disabling] {
    let judged = results.filter { $0.verdict != .undecided }
    let troubled = Set(judged.filter { $0.verdict != .delivered }.map(\.delivery.endpointID))
    let recovered = Set(judged.map(\.delivery.endpointID)).subtracting(troubled).sorted()
    let locked = troubled.union(lines).sorted()
    var disabled: [UUID: EndpointHealth.Disabling] = [:]
    if !locked.isEmpty {
      // All that are written below, in one order for all who do so.
      let rows = try await transaction.query(
        """
        select id, failing_since, failure_count, disabled_at is null and deleted_at is null
        from webhooks.endpoints
        where id = any (\(locked)) or (id = any (\(recovered)) and failing_since is not null)
        order by id for no key update
        """
      )
      var written: [(id: UUID, health: EndpointHealth)] = []
      for row in rows {
        let (id, since, count, isEnabled) = try row.values(
          UUID.self,
          Timestamp?.self,
          Int32.self,
          Bool.self
        )
        guard isEnabled, troubled.contains(id) else { continue }
        var health = EndpointHealth(failingSince: since, failureCount: Int(count))
        for result in judged where result.delivery.endpointID == id {
          if let reason = health.record(result.verdict, at: now) { disabled[id] = reason }
        }
        written.append((id, health))
      }
      writeHealth(written, transaction)
    }
    writeRecovery(recovered, transaction)
    return disabled
  }

  @EventLoop
  private func writeHealth(
    _ written: [(id: UUID, health: EndpointHealth)],
    _ transaction: Transaction
  ) {
    guard !written.isEmpty else { return }
    transaction.send(
      """
      update webhooks.endpoints e set failing_since = n.since, failure_count = n.count
      from unnest(\(written.map(\.id)), \(written.map(\.health.failingSince)),
        \(written.map { Int32(clamping: $0.health.failureCount) })) as n (id, since, count)
      where e.id = n.id
      """
    )
  }

  @EventLoop
  private func writeRecovery(_ recovered: [UUID], _ transaction: Transaction) {
    guard !recovered.isEmpty else { return }
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
}
