import Changes
import EventLoop
import Faults
import Messages
import Primitives
import TestKit
import Testing

@testable import WebhooksService

/// How much of what waits in the database is in memory.
@Suite(.onLoop) struct RoomTests {
  @Test @EventLoop func `dispatching waits until webhooks that send have room again`() async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        // A burst, and then one each 10 ms.
        let webhook = try await fixture.webhook(receiver.url) { $0.maxPerSecond = 100 }
        let id = try #require(UUID(webhook.id))
        let deliverer = fixture.service.deliverer
        fixture.service.start()
        try await fixture.eventually { deliverer.worker.id != nil }
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 400))
        try await fixture.eventually { receiver.requests.count > 100 }
        let lane = try #require(deliverer.lanes[id])
        let wanted = lane.room(at: Instant.now) + 2
        let began = Instant.now
        await deliverer.waitForRoom(for: [id], of: wanted)
        let hasWaited = Instant.now - began >= .milliseconds(150)
        #expect(lane.room(at: Instant.now) >= wanted || hasWaited)
      }
    }
  }

  @Test @EventLoop func `dispatching does not wait for a webhook that hangs`() async throws {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        receiver.answer = { _ in .nothing }
        let webhook = try await fixture.webhook(receiver.url) { $0.maxConcurrency = 1 }
        let id = try #require(UUID(webhook.id))
        let deliverer = fixture.service.deliverer
        fixture.service.start()
        try await fixture.eventually { deliverer.worker.id != nil }
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 20))
        try await fixture.eventually { deliverer.lanes[id]?.waitingCount == 19 }
        let lane = try #require(deliverer.lanes[id])
        let wanted = lane.room(at: Instant.now) + 1
        let began = Instant.now
        await deliverer.waitForRoom(for: [id], of: wanted)
        #expect(lane.room(at: Instant.now) < wanted)
        #expect(Instant.now - began < .seconds(1))
      }
    }
  }
}
