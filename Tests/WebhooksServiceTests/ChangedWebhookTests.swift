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

/// Webhooks that are changed, disabled or deleted while deliveries to them are in memory.
@Suite(.onLoop) struct ChangedWebhookTests {
  private static let claimed: Query =
    "select count(*) from webhooks.pending_deliveries where claimed_by is not null"

  /// What stops a webhook.
  enum Stop: CaseIterable {
    case disabled, deleted

    @EventLoop func apply(to webhook: Webhook, _ fixture: WebhooksFixture) async throws {
      switch self {
      case .disabled:
        _ = try await fixture.client.updateWebhook(
          UpdateWebhookRequest(id: webhook.id, status: .disabled, presentNames: ["status"]),
          fixture.options
        )
      case .deleted:
        _ = try await fixture.client.deleteWebhook(
          DeleteWebhookRequest(id: webhook.id),
          fixture.options
        )
      }
    }
  }

  /// In the process that is asked, and in another that has what waits in its memory.
  @Test(arguments: Stop.allCases, [false, true])
  @EventLoop func `a webhook that is stopped is sent nothing more of what was in memory`(
    stop: Stop,
    isElsewhere: Bool
  ) async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        // Two a second, so that the others wait in memory.
        let webhook = try await fixture.webhook(receiver.url) { $0.maxPerSecond = 2 }
        let replica = try fixture.replica()
        if isElsewhere { replica.start() } else { fixture.service.start() }
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 20))
        try await fixture.eventually {
          guard receiver.requests.count >= 1 else { return false }
          return try await fixture.count(Self.claimed) > 10
        }
        try await stop.apply(to: webhook, fixture)
        try await fixture.eventually { try await fixture.count(Self.claimed) == 0 }
        let sent = receiver.requests.count
        #expect(sent < 20)
        // Until the rate would have let two more go.
        let last = try #require(receiver.requests.last).at
        try await fixture.eventually { Instant.now - last > .milliseconds(1_100) }
        #expect(receiver.requests.count == sent)
        // Nothing was given up, and nothing more is made of it.
        #expect(
          try await fixture.count("select count(*) from webhooks.pending_deliveries") == 20 - sent
        )
        #expect(
          try await fixture.count(
            "select count(*) from webhooks.finished_deliveries where status <> 'succeeded'"
          ) == 0
        )
        await replica.stop()
      }
    }
  }

  @Test @EventLoop func `what waits in memory goes by the new settings`() async throws {
    try await TestReceiver.with { old in
      try await TestReceiver.with { new in
        try await WebhooksFixture.with { fixture in
          let webhook = try await fixture.webhook(old.url) { $0.maxPerSecond = 1 }
          fixture.service.start()
          try await fixture.commit(Array(repeating: .licenseUpdated, count: 20))
          try await fixture.eventually {
            guard old.requests.count >= 1 else { return false }
            return try await fixture.count(Self.claimed) > 10
          }
          _ = try await fixture.client.updateWebhook(
            UpdateWebhookRequest(
              id: webhook.id,
              url: new.url,
              maxPerSecond: 100,
              presentNames: ["url", "maxPerSecond"]
            ),
            fixture.options
          )
          try await fixture.eventually { old.requests.count + new.requests.count >= 20 }
          #expect(new.requests.count > 10)
          #expect(Set(old.ids + new.ids).count == 20)
        }
      }
    }
  }

  @Test @EventLoop func `a webhook that is left alone is tried at once where it has moved`()
    async throws
  {
    try await TestReceiver.with { broken in
      try await TestReceiver.with { new in
        try await WebhooksFixture.with { fixture in
          broken.answer = { _ in .status(500) }
          let webhook = try await fixture.webhook(broken.url)
          let id = try #require(UUID(webhook.id))
          let deliverer = fixture.service.deliverer
          fixture.service.start()
          // The one after some that have failed is put off.
          try await fixture.eventually {
            try await fixture.commit([.licenseUpdated])
            return deliverer.lanes[id]?.isPutOff(at: Instant.now) == true
          }
          _ = try await fixture.client.updateWebhook(
            UpdateWebhookRequest(id: webhook.id, url: new.url, presentNames: ["url"]),
            fixture.options
          )
          let event = try #require(try await fixture.commit([.licenseUpdated]).first)
          // Half of the shortest pause.
          try await fixture.eventually(within: CircuitBreaker.shortestPause / 2) {
            new.ids.contains("evt_" + Hex.encode(event.id.bytes))
          }
        }
      }
    }
  }

  @Test @EventLoop func `after 410 what is in memory waits, and is sent once it is enabled`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.maxConcurrency = 1 }
        receiver.answer = { _ in .status(410) }
        fixture.service.start()
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 20))
        try await fixture.eventually {
          try await fixture.client.getWebhook(GetWebhookRequest(id: webhook.id), fixture.options)
            .status == .disabled
        }
        try await fixture.eventually { try await fixture.count(Self.claimed) == 0 }
        #expect(receiver.requests.count == 1)
        #expect(try await fixture.deliveries(webhook, .failed).count == 1)
        #expect(try await fixture.deliveries(webhook, .pending).count == 19)
        receiver.answer = { _ in .status(204) }
        _ = try await fixture.client.updateWebhook(
          UpdateWebhookRequest(id: webhook.id, status: .enabled, presentNames: ["status"]),
          fixture.options
        )
        fixture.clock.advance(by: .seconds(10))
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 19
        }
      }
    }
  }
}
