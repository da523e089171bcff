import Changes
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Protobuf
import Stubs
import TestKit
import Testing
import WebhooksSending
import WebhooksService

@Suite(.onLoop) struct RetentionTests {
  @Test @EventLoop func `partitions are made ahead and dropped when their days are over`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      try await fixture.service.keepHouse()
      try await fixture.commit([.licenseCreated])
      _ = try await fixture.webhook(EndpointTests.url) { $0.status = .disabled }
      fixture.service.start()
      try await fixture.eventually {
        try await fixture.count("select count(*) from webhooks.finished_deliveries") == 1
      }
      await fixture.service.stop()
      // In the partition of their day, not in the one for what has none.
      #expect(try await fixture.count("select count(*) from webhooks.events_default") == 0)
      let partitions =
        "select count(*) from pg_inherits where inhparent = 'webhooks.events'::regclass"
      #expect(try await fixture.count(Query(sql: partitions)) == 9)
      fixture.clock.advance(by: .seconds(29 * 86_400))
      try await fixture.service.keepHouse()
      #expect(try await fixture.count("select count(*) from webhooks.events") == 1)
      fixture.clock.advance(by: .seconds(3 * 86_400))
      try await fixture.service.keepHouse()
      #expect(try await fixture.count("select count(*) from webhooks.events") == 0)
      #expect(try await fixture.count("select count(*) from webhooks.finished_deliveries") == 0)
    }
  }

  @Test @EventLoop
  func `partitions are made ahead though old ones cannot be dropped, as somebody reads`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      let partitions: Query =
        "select count(*) from pg_inherits where inhparent = 'webhooks.events'::regclass"
      try await fixture.service.keepHouse()
      #expect(try await fixture.count(partitions) == 9)
      fixture.clock.advance(by: .seconds(40 * 86_400))
      let service = fixture.service
      let refused = try await fixture.test.open().transaction(for: nil) {
        (transaction) async throws(Fault) -> Fault? in
        try await transaction.query("lock table only webhooks.events in access share mode")
        do throws(Fault) { try await service.keepHouse() } catch { return error }
        return nil
      }
      #expect(refused?.code == .aborted)
      #expect(try await fixture.count(partitions) == 17)
      try await service.keepHouse()
      #expect(try await fixture.count(partitions) == 9)
    }
  }

  @Test @EventLoop func `what came before there was a partition for it is dropped by age too`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      fixture.service.start()
      let partitions: Query =
        "select count(*) from pg_inherits where inhparent = 'webhooks.events'::regclass"
      try await fixture.eventually { try await fixture.count(partitions) > 1 }
      // Beyond those that are made ahead.
      fixture.clock.advance(by: .seconds(20 * 86_400))
      try await fixture.commit([.licenseCreated])
      try await fixture.eventually {
        try await fixture.count("select count(*) from webhooks.events_default") == 1
      }
      try await fixture.service.keepHouse()
      #expect(try await fixture.count("select count(*) from webhooks.events") == 1)
      fixture.clock.advance(by: .seconds(32 * 86_400))
      try await fixture.service.keepHouse()
      #expect(try await fixture.count("select count(*) from webhooks.events") == 0)
    }
  }

  @Test @EventLoop
  func
    `what waits for too long is given up in the log before it is dropped, and its line moves on`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.ordering = .ordered }
        receiver.answer = { _ in .status(500) }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .pending).first?.attempt == 1
        }
        // While it is disabled nothing is tried, so what is pending waits.
        _ = try await fixture.client.updateWebhook(
          UpdateWebhookRequest(id: webhook.id, status: .disabled, presentNames: ["status"]),
          fixture.options
        )
        try await fixture.test.open().query(
          """
          insert into webhooks.pending_deliveries (account_id, environment, endpoint_id, id,
            event_id, event_type, license_id, line_position, created_at)
          select account_id, environment, endpoint_id,
            \(UUID.v7(at: fixture.clock.now + .seconds(10 * 86_400))),
            event_id, 'license.updated', license_id, line_position + 1, created_at
          from webhooks.pending_deliveries
          """
        )
        fixture.clock.advance(by: .seconds(28 * 86_400))
        try await fixture.service.keepHouse()
        #expect(try await fixture.deliveries(webhook, .failed).isEmpty)
        fixture.clock.advance(by: .seconds(86_401))
        // While another process is at it, it is left to that one.
        let isLeft: Void? = try await fixture.test.open().alone("webhooks.give_up_overdue") {
          () async throws(Fault) in try await fixture.service.keepHouse()
        }
        #expect(isLeft != nil)
        #expect(try await fixture.deliveries(webhook, .failed).isEmpty)
        try await fixture.service.keepHouse()
        let given = try await fixture.delivery(webhook, .failed)
        #expect(given.eventType == "license.created")
        #expect(given.attempts.map(\.responseStatus) == [500, nil])
        #expect(given.attempts.last?.error == "It waited for as long as it is kept")
        // The next of the line, whose time has not come, goes once the webhook is enabled.
        #expect(try await fixture.deliveries(webhook, .waiting).isEmpty)
        #expect(
          try await fixture.deliveries(webhook, .pending).map(\.eventType) == ["license.updated"]
        )
        fixture.clock.advance(by: .seconds(2 * 86_400))
        try await fixture.service.keepHouse()
        #expect(try await fixture.deliveries(webhook, .failed).isEmpty)
      }
    }
  }

  @Test @EventLoop func `what is sent again in its last day has a day, and is given up after it`()
    async throws
  {
    try await TestReceiver.with { receiver in
      // Its next attempt comes after hours.
      let schedule = RetrySchedule(waits: Array(repeating: .seconds(12 * 3_600), count: 9))
      try await WebhooksFixture.with(schedule: schedule) { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.status = .disabled }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .skipped).count == 1
        }
        _ = try await fixture.client.updateWebhook(
          UpdateWebhookRequest(id: webhook.id, status: .enabled, presentNames: ["status"]),
          fixture.options
        )
        fixture.clock.advance(by: .seconds(29 * 86_400 + 3_600))
        receiver.answer = { _ in .status(500) }
        let skipped = try await fixture.delivery(webhook, .skipped)
        _ = try await fixture.client.redeliverDelivery(
          DeliveryRequest(id: webhook.id, deliveryId: skipped.id),
          fixture.options
        )
        try await fixture.service.keepHouse()
        try await fixture.eventually { receiver.requests.count == 1 }
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .pending).first?.attempt == 1
        }
        try await fixture.service.keepHouse()
        #expect(try await fixture.deliveries(webhook, .failed).isEmpty)
        #expect(try await fixture.deliveries(webhook, .pending).count == 1)
        _ = try await fixture.client.updateWebhook(
          UpdateWebhookRequest(id: webhook.id, status: .disabled, presentNames: ["status"]),
          fixture.options
        )
        fixture.clock.advance(by: .seconds(86_401))
        try await fixture.service.keepHouse()
        #expect(try await fixture.deliveries(webhook, .pending).isEmpty)
      }
    }
  }

  @Test @EventLoop func `what is being sent is not given up`() async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in .nothing }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually { receiver.requests.count == 1 }
        // Another process holds it for so long: its lease is of the clock that the test moves.
        try await fixture.test.open().query(
          "update webhooks.pending_deliveries set due_at = due_at + interval '40 days'"
        )
        fixture.clock.advance(by: .seconds(29 * 86_400 + 3_600))
        try await fixture.service.keepHouse()
        #expect(try await fixture.deliveries(webhook, .failed).isEmpty)
        #expect(
          try await fixture.count(
            "select count(*) from webhooks.pending_deliveries where claimed_by is not null"
          ) == 1
        )
      }
    }
  }

  @Test @EventLoop func `who is sent validations is known to their producers`() async throws {
    try await WebhooksFixture.with { fixture in
      @EventLoop func subscribed() async throws -> [String] {
        try await fixture.test.open().read("select type from events.all_subscriptions() order by 1")
          .map { try $0.value(0) }
      }
      let one = try await fixture.webhook(EndpointTests.url) { $0.events = [.licenseCreated] }
      #expect(try await subscribed() == [])
      _ = try await fixture.client.updateWebhook(
        UpdateWebhookRequest(
          id: one.id,
          events: [.validationFailed, .machineHeartbeat],
          presentNames: ["events"]
        ),
        fixture.options
      )
      #expect(try await subscribed() == ["machine.heartbeat", "validation.failed"])
      let all = try await fixture.webhook(EndpointTests.url)
      #expect(try await subscribed().count == 3)
      _ = try await fixture.client.deleteWebhook(DeleteWebhookRequest(id: all.id), fixture.options)
      _ = try await fixture.client.updateWebhook(
        UpdateWebhookRequest(id: one.id, status: .disabled, presentNames: ["status"]),
        fixture.options
      )
      #expect(try await subscribed() == [])
    }
  }
}
