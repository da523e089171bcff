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

/// URLs that must not be called, at both times: when a webhook is registered or changed, and when a delivery is made.
@Suite(.onLoop) struct ForbiddenURLTests {
  @Test @EventLoop func `a webhook of a forbidden URL is neither made nor changed to it`()
    async throws
  {
    try await WebhooksFixture.with(policy: .publicOnly) { fixture in
      // A field of a message cannot hold NUL; the gateway refuses it.
      for url in ForbiddenURLs.all where !url.utf8.contains(0) {
        let made = try await fault { try await fixture.webhook(url) }
        #expect(made.code == .invalidArgument, "\(url)")
        #expect(made.issues.map(\.path) == [["url"]], "\(url)")
        // Refused before it is looked whether there is such a webhook.
        let changed = try await fault {
          try await fixture.client.updateWebhook(
            UpdateWebhookRequest(id: UUID.v7().description, url: url, presentNames: ["url"]),
            fixture.options
          )
        }
        #expect(changed.code == .invalidArgument, "\(url)")
        #expect(changed.issues.map(\.path) == [["url"]], "\(url)")
      }
      #expect(try await fixture.count("select count(*) from webhooks.endpoints") == 0)
    }
  }

  /// What may be in the database all the same.
  ///
  /// The operator has closed what was open when it was stored, or somebody has written to the database. Somebody listens at
  /// `PORT` of this machine.
  private static let stored =
    [
      "http://127.0.0.1:PORT/hook", "https://127.0.0.1:PORT/hook", "https://2130706433:PORT/hook",
      "https://[::ffff:127.0.0.1]:PORT/hook", "https://localhost:PORT/hook",
      "https://user@127.0.0.1:PORT/hook",
    ]
    // The database holds neither NUL nor an empty URL.
    + ForbiddenURLs.all.filter { !$0.isEmpty && !$0.utf8.contains(0) }

  @Test @EventLoop
  func `a forbidden URL in the database makes failed attempts, and no connection`() async throws {
    let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
    var connectionCount = 0
    listener.start { connection in
      connectionCount += 1
      connection.close()
    }
    defer { listener.stop() }
    let limits = WebhookLimits(endpointsMax: Self.stored.count)
    try await WebhooksFixture.with(limits: limits) { fixture in
      let administrator = fixture.test.open()
      var webhooks: [(url: String, webhook: Webhook)] = []
      for text in Self.stored {
        let url = text.replacing("PORT", with: "\(listener.address.port)")
        let webhook = try await fixture.webhook("http://127.0.0.1:\(listener.address.port)/hook")
        try await administrator.query(
          "update webhooks.endpoints set url = \(url) where id = \(UUID(webhook.id))"
        )
        webhooks.append((url, webhook))
      }
      // The service that took them may call this machine; the one that delivers may not.
      let closed = try fixture.replica(policy: .publicOnly)
      closed.start()
      try await fixture.commit([.licenseCreated])
      try await fixture.eventually {
        fixture.clock.advance(by: .milliseconds(20))
        return try await fixture.count(
          "select count(*) from webhooks.finished_deliveries where status = 'failed'"
        ) == webhooks.count
      }
      for (url, webhook) in webhooks {
        // Each attempt of the schedule counts, for the delivery and for the webhook.
        let delivery = try await fixture.delivery(webhook, .failed)
        #expect(delivery.attempt == 4, "\(url)")
        #expect(delivery.attempts.count == 4, "\(url)")
        // What the log says is the refusal of the URL itself: nobody was asked for its name, and no socket was opened.
        let refusal = #expect(throws: WebhookURL.Refusal.self) {
          try WebhookURL(url, policy: .publicOnly)
        }
        for attempt in delivery.attempts {
          #expect(attempt.error == refusal?.message, "\(url)")
          #expect(attempt.responseStatus == nil && attempt.requestHead == nil, "\(url)")
        }
      }
      #expect(
        try await fixture.count("select min(failure_count)::int8 from webhooks.endpoints") == 4
      )
      #expect(connectionCount == 0)
      await closed.stop()
    }
  }
}
