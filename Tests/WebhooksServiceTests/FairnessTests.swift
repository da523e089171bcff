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

/// What one tenant's troubles are to the others.
@Suite(.onLoop) struct FairnessTests {
  /// Runs `body` while somebody else has locked a webhook.
  @EventLoop private func whileLocked(
    _ webhook: Webhook,
    _ fixture: WebhooksFixture,
    _ body: @EventLoop () async throws -> Void
  ) async throws {
    let id = try #require(UUID(webhook.id))
    let outcome = try await fixture.test.open().transaction(for: nil) {
      (transaction) async throws(Fault) -> Result<Void, any Error> in
      try await transaction.query("select from webhooks.endpoints where id = \(id) for update")
      do { return .success(try await body()) } catch { return .failure(error) }
    }
    try outcome.get()
  }

  /// Events of an ordered webhook wait for it when they are dispatched, and what failed when it is written.
  @Test(arguments: [Webhook.Ordering.ordered, .parallel])
  @EventLoop func `a tenant whose transaction waits keeps no other tenant waiting`(
    ordering: Webhook.Ordering
  ) async throws {
    try await TestReceiver.with { slow in
      try await TestReceiver.with { fast in
        try await WebhooksFixture.with { fixture in
          slow.answer = { _ in .status(500) }
          let stuck = try await fixture.webhook(slow.url) { $0.ordering = ordering }
          let other = Tenant(accountID: .v7(), environment: .test)
          _ = try await fixture.webhook(fast.url, other)
          fixture.service.start()
          try await whileLocked(stuck, fixture) {
            try await fixture.commit([.licenseCreated])
            try await fixture.eventually {
              try await fixture.count(
                """
                select count(*) from pg_stat_activity
                where wait_event_type = 'Lock' and datname = current_database()
                """
              ) > 0
            }
            // Sooner than the server ends who waits for a lock.
            for number in 1...3 {
              try await fixture.commit([.licenseUpdated], of: .v7(), for: other)
              try await fixture.eventually(within: .seconds(2)) {
                try await fixture.count(
                  """
                  select count(*) from webhooks.finished_deliveries
                  where account_id = \(other.accountID) and status = 'succeeded'
                  """
                ) == number
              }
            }
          }
          // What waited goes on.
          try await fixture.eventually { slow.requests.count > 0 }
        }
      }
    }
  }
}
