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
import WebhooksService

@Suite(.onLoop) struct EndpointTests {
  /// Nobody listens there.
  static let url = "http://127.0.0.1:47999/hook"

  @Test @EventLoop func `a new webhook has what was asked for, and its secret is shown once`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      let product = UUID.v7().description
      let made = try await fixture.webhook(Self.url) {
        $0.events = [.licenseCreated, .machineDead, .licenseCreated]
        $0.description = "Shop"
        $0.productIds = [product]
        $0.licenseMetadata = Array(#"{"tier":"pro"}"#.utf8)
        $0.ordering = .ordered
        $0.signatureScheme = .legacy
        $0.maxPerSecond = 5
      }
      #expect(made.events == [.licenseCreated, .machineDead])
      #expect(made.status == .enabled)
      #expect(made.apiVersion == .v1)
      #expect(made.maxConcurrency == 50)
      #expect(made.secret?.hasPrefix("whsec_") == true)
      var expected = made
      expected.secret = nil
      let shown = try await fixture.client.getWebhook(
        GetWebhookRequest(id: made.id),
        fixture.options
      )
      // The database has its own way of writing JSON.
      expected.licenseMetadata = shown.licenseMetadata
      #expect(shown == expected)
      #expect(String(decoding: shown.licenseMetadata, as: UTF8.self).contains("pro"))
      let listed = try await fixture.client.listWebhooks(ListWebhooksRequest(), fixture.options)
      #expect(listed.data == [shown])
    }
  }

  @Test @EventLoop func `everything is sent unless events are named, and none cannot be`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      #expect(try await fixture.webhook(Self.url).events == [.all])
      let refused = try await fault {
        try await fixture.webhook(Self.url) { $0.presentNames = ["events"] }
      }
      #expect(refused.issues.map(\.path) == [["events"]])
    }
  }

  @Test(arguments: [
    "https://10.0.0.1/hook", "https://hooks.example@127.0.0.1/", "ftp://127.0.0.1/",
    "https://169.254.169.254/latest", "nothing",
  ])
  @EventLoop func `a URL that may not be called is refused by its field`(url: String) async throws {
    try await WebhooksFixture.with { fixture in
      let made = try await fixture.webhook(Self.url)
      for attempt in 0..<2 {
        let refused = try await fault {
          if attempt == 0 { return try await fixture.webhook(url) }
          return try await fixture.client.updateWebhook(
            UpdateWebhookRequest(id: made.id, url: url, presentNames: ["url"]),
            fixture.options
          )
        }
        #expect(refused.code == .invalidArgument)
        #expect(refused.issues.map(\.path) == [["url"]])
      }
    }
  }

  @Test @EventLoop func `a bundle without a certificate is refused`() async throws {
    try await WebhooksFixture.with { fixture in
      let refused = try await fault {
        try await fixture.webhook(Self.url) { $0.caBundle = "-----BEGIN PRIVATE KEY-----" }
      }
      #expect(refused.issues.map(\.path) == [["caBundle"]])
    }
  }

  @Test @EventLoop func `an environment has as many webhooks as it may, and not one more`()
    async throws
  {
    try await WebhooksFixture.with(limits: WebhookLimits(endpointsMax: 2)) { fixture in
      let outcomes = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<6 {
          group.addTask { @EventLoop @Sendable in
            (try? await fixture.webhook(Self.url)) != nil
          }
        }
        var count = 0
        for await isMade in group where isMade { count += 1 }
        return count
      }
      #expect(outcomes == 2)
      let refused = try await fault { try await fixture.webhook(Self.url) }
      #expect(refused.reason == .planLimitExceeded)
      let live = Tenant(accountID: fixture.tenant.accountID, environment: .live)
      _ = try await fixture.webhook(Self.url, live)
    }
  }

  @Test @EventLoop func `a change keeps what is absent, clears what is null, and is told of`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      let made = try await fixture.webhook(Self.url) {
        $0.description = "Shop"
        $0.maxPerSecond = 3
      }
      let changed = try await fixture.client.updateWebhook(
        UpdateWebhookRequest(
          id: made.id,
          events: [.machineDead],
          status: .disabled,
          presentNames: ["events", "description", "status"]
        ),
        fixture.options
      )
      #expect(changed.events == [.machineDead])
      #expect(changed.description == nil)
      #expect(changed.maxPerSecond == 3)
      #expect(changed.status == .disabled)
      #expect(changed.disabledReason == .manual)
      let enabled = try await fixture.client.updateWebhook(
        UpdateWebhookRequest(id: made.id, status: .enabled, presentNames: ["status"]),
        fixture.options
      )
      #expect(enabled.status == .enabled)
      #expect(enabled.disabledReason == nil)
      let refused = try await fault {
        try await fixture.client.updateWebhook(
          UpdateWebhookRequest(id: made.id, presentNames: ["ordering", "url"]),
          fixture.options
        )
      }
      #expect(Set(refused.issues.map(\.path)) == [["ordering"], ["url"]])
      #expect(
        try await fixture.count(
          "select count(*) from changes.audit_entries where action like 'webhook.%'"
        )
          == 3
      )
    }
  }

  @Test @EventLoop func `what is deleted is gone for everybody, with what waited for it`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      let made = try await fixture.webhook(Self.url)
      try await fixture.commit([.licenseCreated])
      fixture.service.start()
      try await fixture.eventually {
        try await fixture.count("select count(*) from webhooks.pending_deliveries") == 1
      }
      await fixture.service.stop()
      _ = try await fixture.client.deleteWebhook(DeleteWebhookRequest(id: made.id), fixture.options)
      let refused = try await fault {
        try await fixture.client.getWebhook(GetWebhookRequest(id: made.id), fixture.options)
      }
      #expect(refused.code == .notFound)
      try await fixture.service.keepHouse()
      #expect(try await fixture.count("select count(*) from webhooks.pending_deliveries") == 0)
    }
  }

  @Test @EventLoop func `a secret is sealed, and rotating it shows another`() async throws {
    try await WebhooksFixture.with { fixture in
      let made = try await fixture.webhook(Self.url)
      let secret = try #require(made.secret)
      let rows = try await fixture.test.open().read("select e::text from webhooks.endpoints e")
      let row: String = try rows.single().value(0)
      #expect(!row.contains(secret))
      #expect(!row.contains(Hex.encode(Array(secret.utf8))))
      let rotated = try await fixture.client.rotateWebhookSecret(
        RotateWebhookSecretRequest(id: made.id, overlapSeconds: 60),
        fixture.options
      )
      #expect(rotated.secret != nil && rotated.secret != secret)
      #expect(rotated.previousSecretExpiresAt == (fixture.clock.now + .seconds(60)).milliseconds)
      let refused = try await fault {
        try await fixture.client.rotateWebhookSecret(
          RotateWebhookSecretRequest(id: made.id),
          fixture.options
        )
      }
      #expect(refused.reason == .conflict)
      fixture.clock.advance(by: .seconds(61))
      let shown = try await fixture.client.getWebhook(
        GetWebhookRequest(id: made.id),
        fixture.options
      )
      #expect(shown.previousSecretExpiresAt == nil)
    }
  }

  @Test @EventLoop func `an account's webhooks are nobody else's`() async throws {
    try await WebhooksFixture.with { fixture in
      let made = try await fixture.webhook(Self.url)
      for stranger in fixture.strangers {
        let options = fixture.options(stranger)
        #expect(
          try await fixture.client.listWebhooks(ListWebhooksRequest(), options).data.isEmpty
        )
        for attempt in 0..<4 {
          let refused = try await fault {
            switch attempt {
            case 0: _ = try await fixture.client.getWebhook(GetWebhookRequest(id: made.id), options)
            case 1:
              _ = try await fixture.client.deleteWebhook(DeleteWebhookRequest(id: made.id), options)
            case 2:
              _ = try await fixture.client.rotateWebhookSecret(
                RotateWebhookSecretRequest(id: made.id),
                options
              )
            default:
              _ = try await fixture.client.listDeliveries(
                ListDeliveriesRequest(id: made.id),
                options
              )
            }
          }
          #expect(refused.code == .notFound)
        }
      }
    }
  }
}
