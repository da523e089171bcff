import Changes
import EventLoop
import Messages
import Metrics
import Postgres
import Primitives
import Stubs
import TestKit
import Testing
import WebhooksSending
import WebhooksService

/// What metrics tell of the queues.
@Suite(.onLoop) struct QueueDepthsTests {
  /// The gauges, as a scrape has them after a look; ages in seconds.
  private struct Depths: Equatable {
    var outbox = 0.0
    var outboxAge = 0.0
    var pending = 0.0
    var due = 0.0
    var dueAge = 0.0

    /// - Parameter samples: By the names of metrics.
    init?(_ samples: [String: Double]) {
      guard let outbox = samples["latchkey_webhooks_outbox_events"],
        let outboxAge = samples["latchkey_webhooks_outbox_oldest_age_seconds"],
        let pending = samples["latchkey_webhooks_deliveries_pending"],
        let due = samples["latchkey_webhooks_deliveries_due"],
        let dueAge = samples["latchkey_webhooks_deliveries_due_oldest_age_seconds"]
      else { return nil }
      self.outbox = outbox
      self.outboxAge = outboxAge
      self.pending = pending
      self.due = due
      self.dueAge = dueAge
    }

    init(outbox: Double = 0, outboxAge: Double = 0, pending: Double = 0) {
      self.outbox = outbox
      self.outboxAge = outboxAge
      self.pending = pending
    }
  }

  @EventLoop private func depths(_ fixture: WebhooksFixture) async throws -> Depths {
    try await fixture.service.lookAtQueues()
    var exposition = Exposition()
    fixture.service.collect(into: &exposition)
    var samples: [String: Double] = [:]
    for line in String(decoding: exposition.text, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: " ").map { String($0) }
      if parts.count == 2 { samples[parts[0]] = Double(parts[1]) }
    }
    return try #require(Depths(samples))
  }

  @Test @EventLoop
  func `events that nobody dispatches are told of, of every account, with their age`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      #expect(try await depths(fixture) == Depths())
      try await fixture.commit([.licenseCreated])
      fixture.clock.advance(by: .seconds(5))
      for stranger in fixture.strangers {
        try await fixture.commit([.licenseUpdated, .licenseSuspended], of: .v7(), for: stranger)
      }
      fixture.clock.advance(by: .milliseconds(2_500))
      #expect(try await depths(fixture) == Depths(outbox: 5, outboxAge: 7.5))
      fixture.service.start()
      try await fixture.eventually {
        try await fixture.count("select count(*) from events.outbox") == 0
      }
      #expect(try await depths(fixture) == Depths())
    }
  }

  @Test @EventLoop
  func `deliveries that are still to be made are told of, and for how long they have been due`()
    async throws
  {
    try await TestReceiver.with { receiver in
      let schedule = RetrySchedule(waits: [.seconds(3_600)])
      try await WebhooksFixture.with(schedule: schedule) { fixture in
        receiver.answer = { _ in .status(500) }
        for _ in 0..<2 { _ = try await fixture.webhook(receiver.url) }
        fixture.service.start()
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          try await fixture.count(
            """
            select count(*) from webhooks.pending_deliveries
            where attempt_count = 1 and claimed_by is null
            """
          ) == 2
        }
        // From now on nobody makes what becomes due.
        await fixture.service.stop()
        #expect(try await depths(fixture) == Depths(pending: 2))
        let milliseconds = try await fixture.count(
          """
          select (extract(epoch from min(due_at)) * 1000)::bigint from webhooks.pending_deliveries
          """
        )
        let oldest = Timestamp(milliseconds: Int64(milliseconds))
        #expect(oldest > fixture.clock.now)
        // However much waits are spread, both are due by then.
        fixture.clock.advance(by: .seconds(4 * 3_600))
        var expected = Depths(pending: 2)
        expected.due = 2
        expected.dueAge = Double((fixture.clock.now - oldest).wholeMilliseconds) / 1_000
        #expect(try await depths(fixture) == expected)
        // And when somebody does, nothing is told of any more.
        receiver.answer = { _ in .status(200) }
        let other = try fixture.replica()
        other.start()
        try await fixture.eventually {
          try await fixture.count("select count(*) from webhooks.pending_deliveries") == 0
        }
        await other.stop()
        #expect(try await depths(fixture) == Depths())
      }
    }
  }
}
