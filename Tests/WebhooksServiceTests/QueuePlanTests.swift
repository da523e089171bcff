import Changes
import EventLoop
import Postgres
import Primitives
import TestKit
import Testing
import WebhooksService

/// How the server finds rows of queues, of which its statistics know nothing: nobody has analysed them.
@Suite(.onLoop) struct QueuePlanTests {
  private static let licenses = 100
  private static let eventsOfEach = 20

  @Test @EventLoop func `a long queue is not read again and again`() async throws {
    let count = Self.licenses * Self.eventsOfEach
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        _ = try await fixture.webhook(receiver.url)
        for _ in 0..<Self.licenses {
          try await fixture.commit(
            Array(repeating: .licenseUpdated, count: Self.eventsOfEach),
            of: .v7(),
            isTold: false
          )
        }
        fixture.service.start()
        for queue in ["events.outbox", "webhooks.pending_deliveries"] {
          // Counted by the server some time after each transaction.
          try await fixture.eventually {
            try await fixture.count(
              "select n_tup_del from pg_stat_user_tables where relid = to_regclass(\(queue))"
            ) == count
          }
          let read = try await fixture.count(
            """
            select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables
            where relid = to_regclass(\(queue))
            """
          )
          // Each is found and then changed; all that wait, once a batch, would be more than twice as many.
          #expect(read < 3 * count)
        }
        #expect(receiver.requests.count == count)
      }
    }
  }
}
