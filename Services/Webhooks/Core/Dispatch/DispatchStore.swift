internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// Takes events out of the outbox and writes them to the feed, with their deliveries.
///
/// All of its SQL is here.
struct DispatchStore: Sendable {
  let database: Database

  /// The tenants that have events waiting, those after an account first.
  func waitingTenants(behind account: UUID, count: Int32) async throws(Fault) -> [Tenant] {
    let rows = try await database.read(
      "select account_id, environment from events.waiting_tenants(\(account), \(count))"
    )
    return try rows.map { (row) throws(Fault) in
      Tenant(accountID: try row.value(0), environment: try row.value(1))
    }
  }

  /// Locks a tenant's feed until the transaction ends.
  ///
  /// - Returns: Nil when somebody else has locked it.
  /// - Throws: Faults of the database.
  @EventLoop
  func lockFeed(of tenant: Tenant, _ transaction: Transaction) async throws(Fault) -> LockedFeed? {
    for isThere in [false, true] {
      let rows = try await transaction.query(
        """
        select position, (select count(*) from webhooks.endpoints where deleted_at is null)
        from webhooks.feeds for update skip locked
        """
      )
      if let row = try rows.singleOrNone() {
        return LockedFeed(position: try row.value(0), endpointCount: try row.value(1))
      }
      if isThere { break }
      // The first event of the tenant, or somebody else has it.
      try await transaction.query(
        """
        insert into webhooks.feeds (account_id, environment, position)
        values (\(tenant.accountID), \(tenant.environment), 0) on conflict do nothing
        """
      )
    }
    return nil
  }

  /// Takes events out of the outbox and reads all the tenant's webhooks, in one round trip.
  ///
  /// The events are the oldest, and those of the same licenses that come before them. The webhooks are read by a statement of
  /// its own behind that, so each is seen that was there when one of the events was committed.
  ///
  /// A license's events are committed in their sequence, so none is missing between those that can be seen; but
  /// clocks differ, and an event may be older by its id than one before it. Events of kinds that only a newer release
  /// knows wait for it. Rows of the outbox are never changed, so each stays where it was found.
  ///
  /// - Parameters:
  ///   - count: How many of the oldest events.
  ///   - kinds: The first words of their types.
  ///   - tenant: Whose.
  ///   - transaction: That holds the tenant's feed.
  /// - Returns: The events, and the webhooks in the order of their ids, whether they want one or not.
  /// - Throws: Faults of the database.
  @EventLoop
  func takeEventsAndReadEndpoints(
    _ count: Int32,
    of kinds: [String],
    for tenant: Tenant,
    _ transaction: Transaction
  ) async throws(Fault) -> (events: [OutboxEvent], endpoints: [WebhookEndpoint]) {
    let taken = transaction.change(
      at: """
        with oldest as materialized (
          select o.ctid as place, o.license_id, o.sequence from events.outbox o
          where split_part(o.type, '.', 1) = any (\(kinds))
          order by o.account_id, o.environment, o.id limit \(count)
        )
        select place from oldest
        union
        select earlier.place
        from (
          select license_id, max(sequence) as sequence from oldest
          where license_id is not null and sequence is not null group by license_id
        ) line
        cross join lateral (
          -- In the order of the index of lines, which no other way gives.
          select o.ctid as place from events.outbox o
          where o.license_id = line.license_id and o.sequence < line.sequence
          order by o.license_id, o.sequence offset 0
        ) earlier
        """,
      """
      delete from events.outbox o where o.\(unescaped: Transaction.isAtPlace)
      returning \(unescaped: OutboxEvent.columns)
      """
    )
    let (endpoints, events) = try await transaction.query(
      """
      select \(unescaped: WebhookEndpoint.columns) from webhooks.endpoints e
      where e.deleted_at is null order by e.id
      """,
      andRowsOf: taken
    )
    return (
      try events.map { (row) throws(Fault) in try OutboxEvent(row) },
      try endpoints.map { (row) throws(Fault) in try WebhookEndpoint(row, tenant) }
    )
  }

  /// Which of some texts of metadata contain all that a webhook wants.
  ///
  /// - Returns: By the number of the text, the webhooks that admit it.
  @EventLoop
  func matches(
    of metadata: [JSONB],
    _ endpoints: [UUID],
    _ transaction: Transaction
  ) async throws(Fault) -> [Int: Set<UUID>] {
    let rows = try await transaction.query(
      """
      select m.number, e.id from unnest(\(metadata)) with ordinality as m (metadata, number)
      join webhooks.endpoints e on m.metadata @> e.license_metadata
      where e.id = any (\(endpoints))
      """
    )
    var matches: [Int: Set<UUID>] = [:]
    for row in rows {
      let (number, endpoint) = try row.values(Int64.self, UUID.self)
      matches[Int(number) - 1, default: []].insert(endpoint)
    }
    return matches
  }

  /// Writes events to the feed, and how far it goes now.
  @EventLoop
  func append(_ events: [FeedEvent], for tenant: Tenant, _ transaction: Transaction) {
    guard let last = events.last else { return }
    let sources = events.map(\.event)
    transaction.send("update webhooks.feeds set position = \(last.position)")
    transaction.send(
      """
      insert into webhooks.events (
        account_id, environment, id, position, type, license_id, sequence, api_version, created_at,
        body)
      select \(tenant.accountID), \(tenant.environment), e.id, e.position, e.type, e.license_id,
        e.sequence, \(EventRenderer.apiVersion.wireName), e.created_at, e.body
      from unnest(\(sources.map(\.id)), \(events.map(\.position)), \(sources.map(\.type)),
        \(sources.map(\.licenseID)), \(sources.map(\.sequence)), \(sources.map(\.createdAt)),
        \(events.map(\.body)))
        as e (id, position, type, license_id, sequence, created_at, body)
      """
    )
  }

  /// Queues deliveries.
  @EventLoop
  func enqueue(
    _ deliveries: [PlannedDelivery],
    for tenant: Tenant,
    at now: Timestamp,
    _ transaction: Transaction
  ) {
    guard !deliveries.isEmpty else { return }
    transaction.send(
      """
      insert into webhooks.pending_deliveries (
        account_id, environment, endpoint_id, id, event_id, event_type, license_id, line_position,
        due_at, claimed_by, created_at)
      select \(tenant.accountID), \(tenant.environment), d.endpoint_id, d.id, d.event_id, d.type,
        d.license_id, d.line_position, d.due_at, d.claimed_by, \(now)
      from unnest(\(deliveries.map(\.endpointID)), \(deliveries.map(\.id)),
        \(deliveries.map(\.feed.event.id)), \(deliveries.map(\.feed.event.type)),
        \(deliveries.map(\.feed.event.licenseID)), \(deliveries.map(\.linePosition)),
        \(deliveries.map(\.dueAt)), \(deliveries.map(\.claimedBy)))
        as d (endpoint_id, id, event_id, type, license_id, line_position, due_at, claimed_by)
      """
    )
  }

  /// Writes down what is not sent, since the webhook is disabled.
  @EventLoop
  func skip(
    _ deliveries: [PlannedDelivery],
    for tenant: Tenant,
    at now: Timestamp,
    _ transaction: Transaction
  ) {
    guard !deliveries.isEmpty else { return }
    transaction.send(
      """
      insert into webhooks.finished_deliveries (
        account_id, environment, endpoint_id, id, event_id, event_type, license_id, line_position,
        status, attempt_count, attempts, created_at, finished_at)
      select \(tenant.accountID), \(tenant.environment), d.endpoint_id, d.id, d.event_id, d.type,
        d.license_id, d.line_position, 'skipped', 0, '', \(now), \(now)
      from unnest(\(deliveries.map(\.endpointID)), \(deliveries.map(\.id)),
        \(deliveries.map(\.feed.event.id)), \(deliveries.map(\.feed.event.type)),
        \(deliveries.map(\.feed.event.licenseID)), \(deliveries.map(\.linePosition)))
        as d (endpoint_id, id, event_id, type, license_id, line_position)
      """
    )
  }
}

/// A tenant's feed while nobody else may add to it.
struct LockedFeed: Sendable {
  /// The position of its last event.
  let position: Int64
  /// How many webhooks the tenant has.
  let endpointCount: Int
}

/// An event with its place in the feed.
struct FeedEvent: Sendable {
  let event: OutboxEvent
  let position: Int64
  /// The envelope.
  let body: [UInt8]
}

/// A delivery that is about to be queued.
struct PlannedDelivery: Sendable {
  let endpointID: UUID
  let id: UUID
  let feed: FeedEvent
  /// Set where it waits in line for earlier events of the license.
  let linePosition: Int64?
  /// Nil where it waits in line.
  var dueAt: Timestamp?
  /// The worker that makes it at once, if any.
  var claimedBy: Int32?
}
