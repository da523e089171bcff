internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// What owners of webhooks see of deliveries, and how they mend them.
extension DeliveryStore {
  /// How many deliveries one request sends again: some hundred milliseconds of work.
  static let redeliveredMax: Int32 = 10_000

  /// The columns of both tables as one; `attempts` last.
  private static let pendingColumns = """
    d.id, d.endpoint_id, d.event_id, d.event_type, d.license_id,
    case when d.due_at is null then 'waiting' else 'pending' end, d.attempt_count, d.created_at,
    case when d.claimed_by is null then d.due_at end, null::timestamptz, d.attempts
    """
  private static let finishedColumns = """
    d.id, d.endpoint_id, d.event_id, d.event_type, d.license_id, d.status, d.attempt_count,
    d.created_at, null::timestamptz, d.finished_at, d.attempts
    """

  /// Reads the deliveries to a webhook below an id, those of the newest events first.
  ///
  /// - Parameters:
  ///   - tenant: Whose.
  ///   - endpoint: The webhook.
  ///   - status: Those only that are so far; all when nil.
  ///   - type: Of events of this type only; of all when nil.
  ///   - below: What every id must be below.
  ///   - rows: How many at most.
  /// - Returns: The deliveries, without their attempts.
  /// - Throws: Faults of the database.
  func list(
    _ tenant: Tenant,
    endpoint: UUID,
    status: Delivery.Status?,
    type: String?,
    below: UUID,
    rows: Int32
  ) async throws(Fault) -> [Delivery] {
    let ofType: Query = type.map { "and d.event_type = \($0)" } ?? ""
    let (pending, finished) = Self.conditions(of: status)
    let rows = try await database.read(
      for: tenant,
      """
      select * from (
        (select \(unescaped: Self.pendingColumns) from webhooks.pending_deliveries d
          where d.endpoint_id = \(endpoint) and d.id < \(below) \(pending) \(ofType)
          order by d.id desc limit \(rows))
        union all
        (select \(unescaped: Self.finishedColumns) from webhooks.finished_deliveries d
          where d.endpoint_id = \(endpoint) and d.id < \(below) \(finished) \(ofType)
          order by d.id desc limit \(rows))
      ) d order by 1 desc limit \(rows)
      """
    )
    return try rows.map { (row) throws(Fault) in try Delivery(row) }
  }

  /// What chooses those of a status from the queue and from the log; all when nil.
  private static func conditions(of status: Delivery.Status?) -> (pending: Query, finished: Query) {
    switch status {
    case nil: ("", "")
    case .pending: ("and d.due_at is not null", "and false")
    case .waiting: ("and d.due_at is null", "and false")
    // Named in the statement, for the index of what was not sent.
    case .failed: ("and false", "and d.status = 'failed'")
    case .skipped: ("and false", "and d.status = 'skipped'")
    case .some(let status): ("and false", "and d.status = \(status.wireName)")
    }
  }

  /// Reads the deliveries of an event, below an id; those only of a status, where one is given.
  ///
  /// They have the time of the event in their ids, so they are looked for at that moment only.
  func list(
    _ tenant: Tenant,
    event: UUID,
    status: Delivery.Status?,
    below: UUID,
    rows: Int32
  ) async throws(Fault) -> [Delivery] {
    let (pending, finished) = Self.conditions(of: status)
    let lowest = UUID.lowest7(at: event.moment)
    let end = min(below, UUID.lowest7(at: event.moment + .milliseconds(1)))
    let rows = try await database.read(
      for: tenant,
      """
      select * from (
        select p.* from webhooks.endpoints e
        cross join lateral (
          select \(unescaped: Self.pendingColumns) from webhooks.pending_deliveries d
          where d.account_id = e.account_id and d.environment = e.environment
            and d.endpoint_id = e.id and d.id >= \(lowest) and d.id < \(end) and d.event_id = \(event)
            \(pending)
          order by d.id desc limit \(rows)
        ) p
        union all
        select f.* from webhooks.endpoints e
        cross join lateral (
          select \(unescaped: Self.finishedColumns) from webhooks.finished_deliveries d
          where d.account_id = e.account_id and d.environment = e.environment
            and d.endpoint_id = e.id and d.id >= \(lowest) and d.id < \(end) and d.event_id = \(event)
            \(finished)
          order by d.id desc limit \(rows)
        ) f
      ) d order by 1 desc limit \(rows)
      """
    )
    return try rows.map { (row) throws(Fault) in try Delivery(row) }
  }

  /// Reads one delivery to a webhook.
  func get(_ tenant: Tenant, endpoint: UUID, id: UUID) async throws(Fault) -> Delivery? {
    try Self.delivery(try await database.read(for: tenant, Self.selection(endpoint, id)))
  }

  /// The same, as the transaction of a change sees it.
  @EventLoop
  func get(_ endpoint: UUID, _ id: UUID, _ change: Change) async throws(Fault) -> Delivery? {
    try Self.delivery(try await change.transaction.query(Self.selection(endpoint, id)))
  }

  private static func selection(_ endpoint: UUID, _ id: UUID) -> Query {
    """
    select \(unescaped: pendingColumns) from webhooks.pending_deliveries d
    where d.endpoint_id = \(endpoint) and d.id = \(id)
    union all
    select \(unescaped: finishedColumns) from webhooks.finished_deliveries d
    where d.endpoint_id = \(endpoint) and d.id = \(id)
    """
  }

  private static func delivery(_ rows: Rows) throws(Fault) -> Delivery? {
    guard let row = try rows.singleOrNone() else { return nil }
    return try Delivery(row, showsAttempts: true)
  }

  /// Has a delivery made now, whatever became of it before; its attempts are counted anew.
  ///
  /// What waits in line goes on waiting.
  @EventLoop
  func redeliver(_ endpoint: UUID, _ id: UUID, _ change: Change) async throws(Fault) {
    try await change.transaction.query(
      """
      update webhooks.pending_deliveries set due_at = \(change.now), claimed_by = null,
        attempt_count = 0, requeued_at = \(change.now), attempts = \(unescaped: Self.keptAttempts)
      where endpoint_id = \(endpoint) and id = \(id) and due_at is not null
      """
    )
    _ = try await requeue(endpoint, "d.endpoint_id = \(endpoint) and d.id = \(id)", 1, change)
  }

  /// Has the deliveries of a webhook made again whose events are of a span of time.
  ///
  /// - Parameters:
  ///   - endpoint: The webhook.
  ///   - from: Of events from this moment on.
  ///   - end: Of events before this moment.
  ///   - unsentOnly: Whether only those that failed or were skipped.
  ///   - change: The change.
  /// - Returns: How many, up to ``redeliveredMax``, and the moment of the oldest that is left.
  /// - Throws: Faults of the database.
  @EventLoop
  func redeliver(
    to endpoint: UUID,
    from: Timestamp,
    until end: Timestamp,
    unsentOnly: Bool,
    _ change: Change
  ) async throws(Fault) -> (count: Int, next: Timestamp?) {
    let chosen: Query = unsentOnly ? "and d.status in ('failed', 'skipped')" : ""
    let condition: Query = """
      d.endpoint_id = \(endpoint) and d.id >= \(UUID.lowest7(at: from))
        and d.id < \(UUID.lowest7(at: end)) and d.finished_at < \(change.now) \(chosen)
      """
    let count = try await requeue(endpoint, condition, Self.redeliveredMax, change)
    guard count == Int(Self.redeliveredMax) else { return (count, nil) }
    let left = try await change.transaction.query(
      """
      select d.id from webhooks.finished_deliveries d where \(condition)
      order by d.account_id, d.environment, d.endpoint_id, d.id limit 1
      """
    )
    guard let row = try left.singleOrNone() else { return (count, nil) }
    let oldest: UUID = try row.value(0)
    return (count, oldest.moment)
  }

  /// Moves deliveries from the log back to the queue, the oldest first.
  ///
  /// What was in a line goes in it again, at its old place, and those behind it wait; what is being sent at this moment
  /// comes to its end. Whoever does this has locked the webhook, so nobody else moves the same.
  ///
  /// - Returns: How many.
  @EventLoop
  private func requeue(
    _ endpoint: UUID,
    _ condition: Query,
    _ count: Int32,
    _ change: Change
  ) async throws(Fault) -> Int {
    change.transaction.findByIndex()
    let moved = try await change.transaction.query(
      Self.requeueing(condition, count, at: change.now)
    )
    var licenses: Set<UUID> = []
    for row in moved {
      if let license = try row.value(0) as UUID? { licenses.insert(license) }
    }
    let lines = licenses.sorted().map { DeliveryLine(endpointID: endpoint, licenseID: $0) }
    holdBack(lines, change.transaction)
    advance(lines, at: change.now, change.transaction)
    return moved.count
  }

  private static func requeueing(_ condition: Query, _ count: Int32, at now: Timestamp) -> Query {
    """
    with gone as (
      delete from webhooks.finished_deliveries d
      where \(condition) and d.id <= (
        select c.id from (
          select d.id from webhooks.finished_deliveries d
          where \(condition) order by d.id limit \(count)
        ) c order by c.id desc limit 1)
      returning d.*
    )
    insert into webhooks.pending_deliveries (
      account_id, environment, endpoint_id, id, event_id, event_type, license_id, line_position,
      due_at, attempt_count, attempts, created_at, requeued_at)
    select account_id, environment, endpoint_id, id, event_id, event_type, license_id,
      line_position, case when line_position is null then \(now) end, 0,
      \(unescaped: keptAttempts), created_at, \(now)
    from gone
    returning case when line_position is not null then license_id end
    """
  }

  /// The attempts of a delivery that is made again: from so many bytes on, those of three times as many as a delivery has,
  /// they are forgotten.
  private static let keptAttempts =
    "case when octet_length(attempts) > 262144 then '' else attempts end"

  /// Gives up a delivery that is still to be made.
  ///
  /// - Returns: Whether there was one.
  @EventLoop
  func cancel(_ endpoint: UUID, _ id: UUID, _ change: Change) async throws(Fault) -> Bool {
    try await change.transaction.query(
      """
      with gone as (
        delete from webhooks.pending_deliveries d
        where d.endpoint_id = \(endpoint) and d.id = \(id) returning d.*
      )
      insert into webhooks.finished_deliveries (
        account_id, environment, endpoint_id, id, event_id, event_type, license_id, line_position,
        status, attempt_count, attempts, created_at, finished_at)
      select account_id, environment, endpoint_id, id, event_id, event_type, license_id,
        line_position, 'cancelled', attempt_count, attempts, created_at, \(change.now)
      from gone
      """
    ).affectedCount == 1
  }
}

extension Delivery {
  /// Reads a row of the columns of both tables.
  fileprivate init(_ row: Row, showsAttempts: Bool = false) throws(Fault) {
    let id: UUID = try row.value(0)
    let endpoint: UUID = try row.value(1)
    let event: UUID = try row.value(2)
    let license: UUID? = try row.value(4)
    let createdAt: Timestamp = try row.value(7)
    let dueAt: Timestamp? = try row.value(8)
    let finishedAt: Timestamp? = try row.value(9)
    let bytes: [UInt8] = try row.value(10)
    let eventType: String = try row.value(3)
    let attempts = try bytes.span.withUnsafeBytes { (bytes) throws(Fault) in
      try DeliveryAttempts(decoding: bytes).attempts
    }
    self.init(
      id: id.description,
      webhookId: endpoint.description,
      eventId: EventID.text(event),
      eventType: eventType,
      licenseId: license?.description,
      status: try row.named(5),
      attempt: try row.value(6),
      responseStatus: attempts.last?.responseStatus,
      durationMs: attempts.last?.durationMs,
      error: attempts.last?.error,
      createdAt: createdAt.milliseconds,
      nextAttemptAt: dueAt?.milliseconds,
      finishedAt: finishedAt?.milliseconds,
      attempts: []
    )
    if showsAttempts { self.attempts = attempts.map { shown($0) } }
  }

  /// An attempt with the whole head of its request.
  private func shown(_ attempt: DeliveryAttempt) -> DeliveryAttempt {
    guard let kept = attempt.requestHead else { return attempt }
    var attempt = attempt
    attempt.requestHead = KeptHead(
      eventID: eventId,
      eventType: eventType,
      deliveryID: id,
      startedAt: Timestamp(milliseconds: attempt.startedAt)
    ).restored(kept)
    return attempt
  }
}
