internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// The channel on which processes are told the id of a webhook that was changed.
enum EndpointChannel {
  static let name = "latchkey_webhook_changes"
}

/// Where webhooks are kept.
///
/// All of its SQL is here.
struct EndpointStore: Sendable {
  let database: Database

  /// Adds a webhook.
  @EventLoop
  func insert(_ endpoint: WebhookEndpoint, _ change: Change) async throws(Fault) {
    let tenant = endpoint.tenant
    _ = try await storingMetadata(as: "licenseMetadata") { () async throws(Fault) in
      try await change.transaction.query(
        """
        insert into webhooks.endpoints (
          account_id, environment, id, url, description, event_types, product_ids, license_metadata,
          api_version, ordering, signature_scheme, ca_bundle, max_concurrency, max_per_second,
          sealed_secret, disabled_at, disabled_reason, version, created_at, updated_at)
        values (
          \(tenant.accountID), \(tenant.environment), \(endpoint.id), \(endpoint.url),
          \(endpoint.description), \(endpoint.eventTypes.map(\.wireName)), \(endpoint.productIDs),
          \(endpoint.licenseMetadata), \(endpoint.apiVersion.wireName), \(endpoint.ordering.wireName),
          \(endpoint.signatureScheme.wireName), \(endpoint.caBundle), \(endpoint.maxConcurrency),
          \(endpoint.maxPerSecond), \(endpoint.sealedSecret), \(endpoint.disabledAt),
          \(endpoint.disabledReason?.wireName), \(endpoint.version), \(endpoint.createdAt),
          \(endpoint.updatedAt))
        """
      )
    }
  }

  /// Reads a tenant's webhooks below an id, newest first.
  func list(_ tenant: Tenant, below: UUID, rows: Int32) async throws(Fault) -> [WebhookEndpoint] {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: WebhookEndpoint.columns) from webhooks.endpoints e
      where e.id < \(below) and e.deleted_at is null order by e.id desc limit \(rows)
      """
    )
    return try rows.map { (row) throws(Fault) in try WebhookEndpoint(row, tenant) }
  }

  /// Reads one of a tenant's webhooks.
  func get(_ tenant: Tenant, id: UUID) async throws(Fault) -> WebhookEndpoint? {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: WebhookEndpoint.columns) from webhooks.endpoints e
      where e.id = \(id) and e.deleted_at is null
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return try WebhookEndpoint(row, tenant)
  }

  /// Reads some of a tenant's webhooks.
  func get(_ tenant: Tenant, ids: [UUID]) async throws(Fault) -> [WebhookEndpoint] {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: WebhookEndpoint.columns) from webhooks.endpoints e
      where e.id = any (\(ids)) and e.deleted_at is null
      """
    )
    return try rows.map { (row) throws(Fault) in try WebhookEndpoint(row, tenant) }
  }

  /// Reads a webhook that nobody else changes until the transaction ends.
  @EventLoop
  func lock(_ id: UUID, _ change: Change) async throws(Fault) -> WebhookEndpoint? {
    let rows = try await change.transaction.query(
      """
      select \(unescaped: WebhookEndpoint.columns) from webhooks.endpoints e
      where e.id = \(id) and e.deleted_at is null for update
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return try WebhookEndpoint(row, change.tenant)
  }

  /// Writes what may change of a locked webhook.
  ///
  /// The count of its failures begins anew once nothing of them is left.
  @EventLoop
  func update(_ endpoint: WebhookEndpoint, _ change: Change) async throws(Fault) {
    _ = try await storingMetadata(as: "licenseMetadata") { () async throws(Fault) in
      try await change.transaction.query(
        """
        update webhooks.endpoints set
          url = \(endpoint.url), description = \(endpoint.description),
          event_types = \(endpoint.eventTypes.map(\.wireName)),
          product_ids = \(endpoint.productIDs), license_metadata = \(endpoint.licenseMetadata),
          api_version = \(endpoint.apiVersion.wireName), ordering = \(endpoint.ordering.wireName),
          signature_scheme = \(endpoint.signatureScheme.wireName), ca_bundle = \(endpoint.caBundle),
          max_concurrency = \(endpoint.maxConcurrency), max_per_second = \(endpoint.maxPerSecond),
          sealed_secret = \(endpoint.sealedSecret),
          sealed_previous_secret = \(endpoint.sealedPreviousSecret),
          previous_secret_expires_at = \(endpoint.previousSecretExpiresAt),
          disabled_at = \(endpoint.disabledAt),
          disabled_reason = \(endpoint.disabledReason?.wireName),
          failing_since = \(endpoint.failingSince),
          failure_count = case when \(endpoint.failingSince == nil) then 0 else failure_count end,
          version = version + 1, updated_at = \(endpoint.updatedAt)
        where id = \(endpoint.id)
        """
      )
    }
    tell(endpoint.id, change)
  }

  /// Deletes a locked webhook.
  @EventLoop
  func delete(_ id: UUID, _ change: Change) {
    change.transaction.send(
      """
      update webhooks.endpoints set
        deleted_at = \(change.now), updated_at = \(change.now), version = version + 1
      where id = \(id)
      """
    )
    tell(id, change)
  }

  /// Lets every process know that a webhook is not as it was, once the change is committed.
  @EventLoop
  private func tell(_ id: UUID, _ change: Change) {
    change.transaction.send("select pg_notify(\(EndpointChannel.name), \(id.description))")
  }

  /// Has a change wait until the others of its tenant that change which webhooks there are, or what they are sent,
  /// are over; then says how many there are.
  @EventLoop
  func lineUp(_ change: Change) async throws(Fault) -> Int {
    let place = "webhooks \(change.tenant.accountID) \(change.tenant.environment.rawValue)"
    change.transaction.send("select pg_advisory_xact_lock(hashtextextended(\(place), 0))")
    let row = try await change.transaction.query(
      "select count(*) from webhooks.endpoints where deleted_at is null"
    ).single()
    return try row.value(0)
  }

  /// Writes which events somebody is sent, of those that are told only then, and lets their producers know.
  @EventLoop
  func writeSubscriptions(_ change: Change) {
    let tenant = change.tenant
    let types = EventFilter.onDemand.map(\.rawValue)
    change.transaction.send(
      """
      with wanted as (
        select t.type from unnest(\(types)) as t (type)
        where exists (
          select from webhooks.endpoints e
          where e.deleted_at is null and e.disabled_at is null
            and (t.type = any (e.event_types) or '*' = any (e.event_types)))
      ), gone as (
        delete from events.subscriptions s where s.type not in (select type from wanted)
      )
      insert into events.subscriptions (account_id, environment, type)
      select \(tenant.accountID), \(tenant.environment), type from wanted
      on conflict do nothing
      """
    )
    change.transaction.send("select pg_notify(\(SubscriptionChannel.name), '')")
  }
}
