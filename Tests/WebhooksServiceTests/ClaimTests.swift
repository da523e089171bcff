import Changes
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing
import WebhooksService

/// Claims among many webhooks.
@Suite(.onLoop) struct ClaimTests {
  /// Plants as many webhooks as two claims go past, each with a delivery that is due in an hour.
  @EventLoop private func plant(
    _ webhook: Webhook,
    areDisabled: Bool,
    _ fixture: WebhooksFixture
  ) async throws {
    let administrator = fixture.test.open()
    let now = fixture.clock.now
    try await administrator.query(
      """
      insert into webhooks.endpoints (account_id, environment, id, url, event_types, api_version,
        ordering, signature_scheme, max_concurrency, sealed_secret, disabled_at, disabled_reason,
        created_at, updated_at)
      select e.account_id, e.environment, gen_random_uuid(), e.url, array['license.expired'],
        e.api_version, e.ordering, e.signature_scheme, e.max_concurrency, e.sealed_secret,
        case when \(areDisabled) then \(now) end, case when \(areDisabled) then 'manual' end,
        \(now), \(now)
      from webhooks.endpoints e, generate_series(1, 1500)
      """
    )
    try await administrator.query(
      """
      insert into webhooks.pending_deliveries (account_id, environment, endpoint_id, id, event_id,
        event_type, due_at, created_at)
      select e.account_id, e.environment, e.id, gen_random_uuid(), gen_random_uuid(),
        'license.expired', \(now + .seconds(3_600)), \(now)
      from webhooks.endpoints e where e.id <> \(UUID(webhook.id) ?? .v7())
      """
    )
  }

  /// How many a claim brings, and behind which webhook the next goes on.
  @EventLoop private func claim(
    behind: UUID,
    turnBegan: UUID,
    _ fixture: WebhooksFixture
  ) async throws -> (count: Int, stoppedAt: UUID?) {
    let now = fixture.clock.now
    let row = try await fixture.test.open(as: "latchkey_webhooks").query(
      """
      select count(c.id), (array_agg(c.endpoint_id) filter (where c.id is null))[1]
      from webhooks.claim_deliveries(7, \(now), \(now + .seconds(60)), \(behind), \(turnBegan),
        '{}'::uuid[], '{}'::integer[], 100, 100) c
      """
    ).single()
    return (try row.value(0), try row.value(1))
  }

  @Test(arguments: [false, true])
  @EventLoop func `a claim goes past so many webhooks, and on from there; disabled ones are none`(
    areDisabled: Bool
  ) async throws {
    try await WebhooksFixture.with { fixture in
      let webhook = try await fixture.webhook(EndpointTests.url)
      let id = try #require(UUID(webhook.id))
      try await plant(webhook, areDisabled: areDisabled, fixture)
      try await fixture.test.open().query(
        """
        insert into webhooks.pending_deliveries (account_id, environment, endpoint_id, id, event_id,
          event_type, due_at, created_at)
        select e.account_id, e.environment, e.id, gen_random_uuid(), gen_random_uuid(),
          'license.created', \(fixture.clock.now), \(fixture.clock.now)
        from webhooks.endpoints e where e.id = \(id)
        """
      )
      // A turn that begins behind a webhook comes to it last.
      var behind = id
      var counts: [Int] = []
      repeat {
        let next = try await claim(behind: behind, turnBegan: id, fixture)
        counts.append(next.count)
        guard let stoppedAt = next.stoppedAt else { break }
        behind = stoppedAt
      } while counts.count < 10
      #expect(counts == (areDisabled ? [1] : [0, 1]))
    }
  }

  @Test @EventLoop func `what is due is found behind many webhooks that have nothing due`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        try await plant(webhook, areDisabled: false, fixture)
        receiver.answer = { _ in receiver.requests.count == 1 ? .status(500) : .status(200) }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .succeeded).count == 1
        }
      }
    }
  }
}
