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

/// How fast a webhook is called, and when it is left alone.
@Suite(.onLoop) struct PaceTests {
  @Test @EventLoop func `a webhook with a rate is called so often in a second, after a burst`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.maxPerSecond = 5 }
        fixture.service.start()
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 12))
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 12
        }
        #expect(receiver.requests.count == 12)
        // Five at once, and one each 200 ms; some of it for the way.
        let took = receiver.requests[11].at - receiver.requests[0].at
        #expect(took > .milliseconds(1_200), "\(took)")
      }
    }
  }

  @Test @EventLoop func `a webhook that fails in a row is left alone, without counting attempts`()
    async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url) { $0.maxConcurrency = 1 }
        receiver.answer = { _ in .status(500) }
        fixture.service.start()
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 30))
        try await fixture.eventually {
          guard receiver.requests.count >= 5 else { return false }
          return try await fixture.count(
            "select count(*) from webhooks.pending_deliveries where claimed_by is not null"
          ) == 0
        }
        #expect(receiver.requests.count == 5)
        let attempts = try await fixture.deliveries(webhook, .pending).map(\.attempt)
        #expect(attempts.count { $0 == 1 } == 5)
        #expect(attempts.count { $0 == 0 } == 25)
        // It is tried again by itself, and goes on once it answers.
        receiver.answer = { _ in .status(200) }
        try await fixture.eventually {
          fixture.clock.advance(by: .milliseconds(20))
          return try await fixture.deliveries(webhook, .succeeded).count == 30
        }
        #expect(receiver.requests.count == 35)
      }
    }
  }

  @Test @EventLoop func `a receiver that names a wait is tried again after it`() async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        let webhook = try await fixture.webhook(receiver.url)
        receiver.answer = { _ in
          receiver.requests.count == 1 ? .busy(retryAfter: "120") : .status(200)
        }
        fixture.service.start()
        let begin = fixture.clock.now.milliseconds
        try await fixture.commit([.licenseCreated])
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .pending).first?.attempt == 1
        }
        let waiting = try await fixture.deliveries(webhook, .pending)
        let next = try #require(waiting.first?.nextAttemptAt)
        // The schedule alone would have it tried after 10 ms; a tenth is added at most.
        #expect((120_000...132_001).contains(next - begin), "\(next - begin)")
        fixture.clock.advance(by: .seconds(133))
        try await fixture.eventually {
          try await fixture.deliveries(webhook, .succeeded).count == 1
        }
      }
    }
  }
}
