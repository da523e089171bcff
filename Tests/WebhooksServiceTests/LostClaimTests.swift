import Changes
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing
import WebhooksSending

@testable import WebhooksService

/// Claims that a process has lost, or does not know of.
@Suite(.onLoop) struct LostClaimTests {
  /// Has a delivery that is claimed under a lease, and in nobody's memory.
  @EventLoop private func claimed(
    under lease: Lease,
    _ webhook: Webhook,
    _ fixture: WebhooksFixture
  ) async throws -> Delivery {
    try await fixture.commit([.licenseCreated])
    try await fixture.eventually {
      try await fixture.deliveries(webhook, .skipped).count == 1
    }
    let delivery = try await fixture.delivery(webhook, .skipped)
    _ = try await fixture.client.updateWebhook(
      UpdateWebhookRequest(id: webhook.id, status: .enabled, presentNames: ["status"]),
      fixture.options
    )
    try await fixture.test.open().query(
      """
      with gone as (
        delete from webhooks.finished_deliveries where id = \(UUID(delivery.id) ?? .v7()) returning *
      )
      insert into webhooks.pending_deliveries (account_id, environment, endpoint_id, id, event_id,
        event_type, license_id, due_at, claimed_by, created_at)
      select account_id, environment, endpoint_id, id, event_id, event_type, license_id,
        \(lease.ends), \(lease.worker), created_at
      from gone
      """
    )
    return delivery
  }

  @Test @EventLoop func `what was claimed though the answer was lost is made without waiting`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.status = .disabled }
        let deliverer = fixture.service.deliverer
        fixture.service.start()
        try await fixture.eventually { deliverer.worker.id != nil }
        let worker = try #require(deliverer.worker.id)
        let lease = Lease(worker: worker, began: fixture.clock.now)
        _ = try await claimed(under: lease, webhook, fixture)
        deliverer.disown(lease)
        // No time passes that would end the lease.
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 1
        }
        #expect(receiver.requests.count == 1)
      }
    }
  }

  @Test @EventLoop
  func `what cannot be begun in time is given back with the time it was due before`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.status = .disabled }
        let deliverer = fixture.service.deliverer
        fixture.service.start()
        try await fixture.eventually { deliverer.worker.id != nil }
        let lease = try #require(deliverer.makeLease())
        let delivery = try await claimed(under: lease, webhook, fixture)
        // Later, so that nobody claims it again at once.
        let due = fixture.clock.now + .seconds(3_600)
        deliverer.take([
          ClaimedDelivery(
            tenant: fixture.tenant,
            endpointID: try #require(UUID(webhook.id)),
            endpointVersion: 1,
            id: try #require(UUID(delivery.id)),
            eventID: .v7(),
            eventType: delivery.eventType,
            licenseID: nil,
            body: [],
            dueAt: due,
            leaseEnds: Instant.now + .seconds(5),
            claim: lease
          )
        ])
        try await fixture.eventually {
          try await fixture.count(
            """
            select count(*) from webhooks.pending_deliveries
            where claimed_by is null and due_at = \(due) and attempt_count = 0
            """
          ) == 1
        }
        #expect(receiver.requests.isEmpty)
        try await fixture.eventually { deliverer.heldCount == 0 }
      }
    }
  }

  @Test @EventLoop
  func `what is in memory when the session is lost is not made under the old number`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        // So that most of it waits in memory.
        let webhook = try await fixture.webhook(receiver.url) { $0.maxPerSecond = 10 }
        let deliverer = fixture.service.deliverer
        fixture.service.start()
        try await fixture.eventually { deliverer.worker.id != nil }
        let first = deliverer.worker.id
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 40))
        try await fixture.eventually { receiver.requests.count >= 10 }
        let ended = try await fixture.count(
          """
          select count(pg_terminate_backend(pid)) from pg_locks
          where locktype = 'advisory' and classid = 1818982244 and database = (
            select oid from pg_database where datname = current_database())
          """
        )
        #expect(ended == 1)
        try await fixture.eventually {
          try await fixture.count(
            "select count(*) from webhooks.finished_deliveries where status = 'succeeded'"
          ) == 40
        }
        #expect(deliverer.worker.id != first)
        #expect(try await fixture.deliveries(webhook, .pending).isEmpty)
        #expect(Set(receiver.ids).count == 40)
        // What was under way in that moment may come twice; some 30 were in memory.
        #expect(receiver.requests.count < 45, "\(receiver.requests.count)")
      }
    }
  }

  /// Else giving back what was lost would give back what is in memory.
  @Test @EventLoop func `no two leases are alike, though they begin in the same millisecond`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      let deliverer = fixture.service.deliverer
      #expect(deliverer.makeLease() == nil)
      fixture.service.start()
      try await fixture.eventually { deliverer.worker.id != nil }
      // Nor when the clock goes back.
      var ends: [Timestamp] = []
      for step in [0, 0, 1, -5_000, 0] {
        fixture.clock.advance(by: .milliseconds(step))
        ends.append(try #require(deliverer.makeLease()).ends)
      }
      #expect(ends == Array(Set(ends)).sorted())
    }
  }

  @Test @EventLoop func `what is in memory is not given back with a claim that was lost`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        // So that most of it waits in memory.
        _ = try await fixture.webhook(receiver.url) { $0.maxPerSecond = 1 }
        let deliverer = fixture.service.deliverer
        fixture.service.start()
        try await fixture.eventually { deliverer.worker.id != nil }
        // The clock stands still, so all that is claimed is claimed in the same millisecond.
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 10))
        let claimed: Query =
          "select count(*) from webhooks.pending_deliveries where claimed_by is not null"
        try await fixture.eventually { try await fixture.count(claimed) > 5 }
        let lost = try #require(deliverer.makeLease())
        let before = try await fixture.count(claimed)
        try await fixture.service.deliveries.release(lost, at: fixture.clock.now)
        // One may have been made meanwhile.
        #expect(try await fixture.count(claimed) >= before - 2)
      }
    }
  }

  /// Who else has claimed a delivery meanwhile.
  enum Claimant: CaseIterable {
    case anotherWorker
    /// The same, as after it was put back by request.
    case anotherLease

    func earlier(than lease: Lease) -> Lease {
      switch self {
      case .anotherWorker: Lease(worker: lease.worker &- 1, began: lease.began)
      case .anotherLease: Lease(worker: lease.worker, began: lease.began - .milliseconds(1))
      }
    }
  }

  /// One row a fate: whether a result under an earlier claim counts.
  static let fates: [(fate: DeliveryResult.Fate, counts: Bool)] = [
    (.released(at: .latest), false), (.retried(at: .latest), false), (.finished(.failed), false),
    (.finished(.succeeded), true),
  ]

  /// As when it was sent again by request while it was being sent, and both attempts end in the same moment.
  @Test @EventLoop
  func `a delivery that ends twice in one batch is over once, and was received if ever`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.status = .disabled }
        fixture.service.start()
        try await fixture.eventually { fixture.service.deliverer.worker.id != nil }
        let lease = try #require(fixture.service.deliverer.makeLease())
        let delivery = try await claimed(under: lease, webhook, fixture)
        let mine = ClaimedDelivery(
          tenant: fixture.tenant,
          endpointID: try #require(UUID(webhook.id)),
          endpointVersion: 1,
          id: try #require(UUID(delivery.id)),
          eventID: .v7(),
          eventType: delivery.eventType,
          licenseID: nil,
          body: [],
          leaseEnds: Instant.now,
          claim: lease
        )
        let statuses: [Delivery.Status] = [.failed, .succeeded, .succeeded]
        _ = try await fixture.service.deliveries.write(
          statuses.map {
            DeliveryResult(
              delivery: mine,
              fate: .finished($0),
              attempt: nil,
              verdict: .undecided,
              at: fixture.clock.now
            )
          },
          of: fixture.tenant,
          at: fixture.clock.now
        )
        #expect(try await fixture.deliveries(webhook, .succeeded).count == 1)
        #expect(try await fixture.deliveries(webhook, .failed).isEmpty)
        #expect(try await fixture.count("select count(*) from webhooks.pending_deliveries") == 0)
      }
    }
  }

  @Test @EventLoop func `what is sent again by request while it is being sent has its attempts`()
    async throws
  {
    var sending = SendingLimits()
    sending.total = .seconds(1)
    try await TestReceiver.with { receiver in
      // One attempt, and then it is over.
      try await WebhooksFixture.with(schedule: RetrySchedule(waits: []), sending: sending) {
        fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in receiver.requests.count == 1 ? .nothing : .status(500) }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually { receiver.requests.count == 1 }
        let delivery = try await fixture.delivery(webhook, .pending)
        _ = try await fixture.client.redeliverDelivery(
          DeliveryRequest(id: webhook.id, deliveryId: delivery.id),
          fixture.options
        )
        try await fixture.eventually { receiver.requests.count == 2 }
        try await fixture.eventually { try await fixture.deliveries(webhook, .failed).count == 1 }
        // The second attempt's, not the first's, which the request has put aside.
        #expect(
          try await fixture.delivery(webhook, .failed).attempts.map(\.responseStatus) == [500]
        )
      }
    }
  }

  @Test(arguments: fates.indices, Claimant.allCases)
  @EventLoop func `what somebody else has claimed meanwhile is theirs, unless it was received`(
    row: Int,
    claimant: Claimant
  ) async throws {
    let (fate, counts) = Self.fates[row]
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.status = .disabled }
        fixture.service.start()
        try await fixture.eventually { fixture.service.deliverer.worker.id != nil }
        let other = try #require(fixture.service.deliverer.worker.id)
        let lease = Lease(worker: other, began: fixture.clock.now)
        let delivery = try await claimed(under: lease, webhook, fixture)
        let mine = ClaimedDelivery(
          tenant: fixture.tenant,
          endpointID: try #require(UUID(webhook.id)),
          endpointVersion: 1,
          id: try #require(UUID(delivery.id)),
          eventID: .v7(),
          eventType: delivery.eventType,
          licenseID: nil,
          body: [],
          leaseEnds: Instant.now,
          claim: claimant.earlier(than: lease)
        )
        let result = DeliveryResult(
          delivery: mine,
          fate: fate,
          attempt: nil,
          verdict: .undecided,
          at: fixture.clock.now
        )
        _ = try await fixture.service.deliveries.write(
          [result],
          of: fixture.tenant,
          at: fixture.clock.now
        )
        let kept = try await fixture.count(
          """
          select count(*) from webhooks.pending_deliveries
          where claimed_by = \(other) and due_at = \(lease.ends) and attempt_count = 0
          """
        )
        #expect(kept == (counts ? 0 : 1))
        // Each delivery is in one place.
        #expect(try await fixture.deliveries(webhook, .succeeded).count == (counts ? 1 : 0))
        #expect(try await fixture.deliveries(webhook, .failed).isEmpty)
      }
    }
  }
}
