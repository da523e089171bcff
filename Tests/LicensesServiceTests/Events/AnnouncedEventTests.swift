import Changes
import EventLoop
import LicensesService
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

/// That there are events is told to whoever listens, without waiting for the next look of the webhooks service.
@Suite(.onLoop) struct AnnouncedEventTests {
  /// What somebody hears who listens as the webhooks service does.
  @EventLoop private final class Ear {
    private(set) var heard: [Database.Notification] = []
    private var subscription: Subscription?

    init(_ database: Database) {
      subscription = database.listen(EventChannel.name) { [unowned self] in heard.append($0) }
    }

    /// Waits until so much was heard, and checks that it is no more.
    func expect(_ count: Int) async {
      let limit = Instant.now + .seconds(10)
      while heard.count < count, Instant.now < limit {
        await EventLoop.sleep(for: .milliseconds(5))
      }
      let words = Array(repeating: Database.Notification.notified(payload: ""), count: count - 1)
      #expect(heard == [.listening] + words)
    }
  }

  @Test @EventLoop func `a change with an event is told of once, and one without is not`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let ear = Ear(fixture.test.open(as: "latchkey_webhooks"))
      await ear.expect(1)
      // A product and a policy are made before it, of which there are no events.
      let license = try await fixture.license()
      await ear.expect(2)
      _ = try await fixture.client.suspendLicense(
        LicenseActionRequest(id: license.id),
        fixture.options
      )
      await ear.expect(3)
    }
  }

  @Test @EventLoop func `events that were gathered are told of when they are written`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let ear = Ear(fixture.test.open(as: "latchkey_webhooks"))
      await ear.expect(1)
      let license = try await fixture.license()
      await ear.expect(2)
      try await fixture.test.open().query(
        """
        insert into events.subscriptions (account_id, environment, type)
        values (\(fixture.tenant.accountID), \(fixture.tenant.environment), 'validation.failed')
        """
      )
      try await fixture.service.refreshSubscriptions()
      _ = try await fixture.validate(try #require(license.key), entitlements: ["missing"])
      try await fixture.service.flushEvents()
      await ear.expect(3)
    }
  }
}
