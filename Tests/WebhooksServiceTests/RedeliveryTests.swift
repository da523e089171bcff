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
import WebhooksService

/// What is sent again by request.
@Suite(.onLoop) struct RedeliveryTests {
  @Test @EventLoop func `a line that is recovered goes in its order, each after the one before`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) {
          $0.status = .disabled
          $0.ordering = .ordered
        }
        let since = fixture.clock.now
        fixture.service.start()
        try await fixture.commit([.licenseCreated, .licenseSuspended, .licenseReinstated])
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .skipped).count == 3
        }
        fixture.clock.advance(by: .seconds(1))
        _ = try await fixture.client.updateWebhook(
          UpdateWebhookRequest(id: webhook.id, status: .enabled, presentNames: ["status"]),
          fixture.options
        )
        // The first fails at first, so that the others would overtake it.
        receiver.answer = { _ in receiver.requests.count == 1 ? .status(500) : .status(200) }
        let answer = try await fixture.client.recoverDeliveries(
          RecoverDeliveriesRequest(id: webhook.id, since: since.milliseconds),
          fixture.options
        )
        #expect(answer.count == 3)
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .succeeded).count == 3
        }
        #expect(
          receiver.types == [
            "license.created", "license.created", "license.suspended", "license.reinstated",
          ]
        )
      }
    }
  }

  @Test @EventLoop func `one that is sent again goes before what waits in its line`() async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.ordering = .ordered }
        receiver.answer = { _ in receiver.requests.count == 2 ? .status(500) : .status(200) }
        fixture.service.start()
        try await fixture.commit([.licenseCreated, .licenseSuspended, .licenseReinstated])
        // The second waits for its next attempt, and the third for the second.
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .pending).first?.attempt == 1
        }
        let first = try await fixture.delivery(webhook, .succeeded)
        let third = try await fixture.delivery(webhook, .waiting)
        let stillWaiting = try await fixture.client.redeliverDelivery(
          DeliveryRequest(id: webhook.id, deliveryId: third.id),
          fixture.options
        )
        #expect(stillWaiting.status == .waiting)
        _ = try await fixture.client.redeliverDelivery(
          DeliveryRequest(id: webhook.id, deliveryId: first.id),
          fixture.options
        )
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .succeeded).count == 3
        }
        #expect(
          receiver.types == [
            "license.created", "license.suspended", "license.created", "license.suspended",
            "license.reinstated",
          ]
        )
      }
    }
  }

  @Test @EventLoop func `what was being sent when an earlier one is sent again waits for that one`()
    async throws
  {
    var sending = SendingLimits()
    sending.total = .seconds(1)
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with(sending: sending) { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.ordering = .ordered }
        // The second hangs, and the first is not taken for a minute when it is sent again.
        receiver.answer = { request in
          switch (request.type, receiver.types.count { $0 == request.type }) {
          case ("license.suspended", 1): .nothing
          case ("license.created", 2): .busy(retryAfter: "60")
          default: .status(200)
          }
        }
        fixture.service.start()
        try await fixture.commit([.licenseCreated, .licenseSuspended, .licenseReinstated])
        try await fixture.eventually {
          guard receiver.requests.count == 2 else { return false }
          return try await fixture.deliveries(webhook, .succeeded).count == 1
        }
        let first = try await fixture.delivery(webhook, .succeeded)
        _ = try await fixture.client.redeliverDelivery(
          DeliveryRequest(id: webhook.id, deliveryId: first.id),
          fixture.options
        )
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .pending).count { $0.attempt == 1 } == 2
        }
        // The second would be due now; what comes after it in other lines is sent.
        fixture.clock.advance(by: .seconds(1))
        for number in 1...2 {
          try await fixture.commit([.licenseRenewed], of: .v7())
          try await fixture.eventually {
            try await fixture.deliveries(webhook, .succeeded).count == number
          }
        }
        @EventLoop func line() -> [String] { receiver.types.filter { $0 != "license.renewed" } }
        #expect(line() == ["license.created", "license.suspended", "license.created"])
        fixture.clock.advance(by: .seconds(70))
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .succeeded).count == 5
        }
        #expect(
          line() == [
            "license.created", "license.suspended", "license.created", "license.created",
            "license.suspended", "license.reinstated",
          ]
        )
      }
    }
  }

  @Test @EventLoop func `what has failed for good is recovered, and what arrived is not sent`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        let since = fixture.clock.now
        receiver.answer = { $0.type == "license.suspended" ? .status(500) : .status(200) }
        fixture.service.start()
        try await fixture.commit([.licenseCreated, .licenseSuspended])
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .failed).count == 1
        }
        fixture.clock.advance(by: .seconds(1))
        receiver.answer = { _ in .status(200) }
        let answer = try await fixture.client.recoverDeliveries(
          RecoverDeliveriesRequest(id: webhook.id, since: since.milliseconds),
          fixture.options
        )
        #expect(answer == RedeliverDeliveriesResponse(count: 1, hasMore: false))
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 2
        }
        #expect(receiver.types.count { $0 == "license.created" } == 1)
        #expect(receiver.types.count { $0 == "license.suspended" } == 5)
      }
    }
  }

  @Test @EventLoop func `more than one request takes on goes on from where it stopped`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      let webhook = try await fixture.webhook(EndpointTests.url)
      let from = fixture.clock.now.milliseconds
      // Three in each millisecond. The service is not started, so what is put back stays where it is.
      try await fixture.test.open().query(
        """
        insert into webhooks.finished_deliveries (account_id, environment, endpoint_id, id, event_id,
          event_type, status, attempt_count, attempts, created_at, finished_at)
        select e.account_id, e.environment, e.id,
          (lpad(to_hex(\(from) + n / 3), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid,
          gen_random_uuid(), 'license.created', 'succeeded', 1, '', e.created_at, e.created_at
        from webhooks.endpoints e, generate_series(0, 10049) n
        """
      )
      fixture.clock.advance(by: .seconds(60))
      let first = try await fixture.client.redeliverDeliveries(
        RedeliverDeliveriesRequest(id: webhook.id, from: from),
        fixture.options
      )
      #expect(
        first == RedeliverDeliveriesResponse(count: 10_000, hasMore: true, next: from + 3_333)
      )
      let second = try await fixture.client.redeliverDeliveries(
        RedeliverDeliveriesRequest(id: webhook.id, from: try #require(first.next)),
        fixture.options
      )
      #expect(second == RedeliverDeliveriesResponse(count: 50, hasMore: false))
      #expect(
        try await fixture.count("select count(*) from webhooks.pending_deliveries") == 10_050
      )
    }
  }

  @Test @EventLoop func `attempts of what is sent again and again do not grow without end`()
    async throws
  {
    try await TestReceiver.with { receiver in
      let schedule = RetrySchedule(waits: Array(repeating: .seconds(3_600), count: 9))
      try await WebhooksFixture.with(schedule: schedule) { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in .status(500) }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .pending).first?.attempt == 1
        }
        let many = DeliveryAttempt(
          startedAt: 0,
          durationMs: 1,
          responseBody: String(repeating: "a", count: 300_000)
        )
        var bytes: [UInt8] = []
        DeliveryAttempts(attempts: [many]).encode(appendingTo: &bytes)
        try await fixture.test.open().query(
          "update webhooks.pending_deliveries set attempts = \(bytes)"
        )
        let delivery = try await fixture.delivery(webhook, .pending)
        #expect(delivery.attempts == [many])
        _ = try await fixture.client.redeliverDelivery(
          DeliveryRequest(id: webhook.id, deliveryId: delivery.id),
          fixture.options
        )
        try await fixture.eventually {
          try await fixture.delivery(webhook, .pending).attempts.map(\.responseStatus) == [500]
        }
      }
    }
  }

  @Test @EventLoop func `a span of time ends before its end`() async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        fixture.service.start()
        let types: [EventType] = [.licenseCreated, .licenseSuspended, .licenseReinstated]
        var moments: [Timestamp] = []
        for type in types {
          fixture.clock.advance(by: .seconds(10))
          moments.append(fixture.clock.now)
          try await fixture.commit([type])
        }
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 3
        }
        fixture.clock.advance(by: .seconds(10))
        let answer = try await fixture.client.redeliverDeliveries(
          RedeliverDeliveriesRequest(
            id: webhook.id,
            from: moments[1].milliseconds,
            until: moments[2].milliseconds
          ),
          fixture.options
        )
        #expect(answer == RedeliverDeliveriesResponse(count: 1, hasMore: false))
        try await fixture.eventually { receiver.requests.count == 4 }
        #expect(receiver.types.last == "license.suspended")
        let refused = try await fault {
          try await fixture.client.redeliverDeliveries(
            RedeliverDeliveriesRequest(
              id: webhook.id,
              from: moments[1].milliseconds,
              until: moments[1].milliseconds
            ),
            fixture.options
          )
        }
        #expect(refused.code == .invalidArgument)
      }
    }
  }
}
