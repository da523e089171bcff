import Changes
import EventLoop
import Faults
import Messages
import Primitives
import TestKit
import Testing
import WebhooksSending

@testable import WebhooksService

/// How much of what waits in the database is in memory.
@Suite(.onLoop) struct RoomTests {
  @Test @EventLoop func `dispatching waits until webhooks that send have room again`() async throws
  {
    try await TestReceiver.with { receiver in
      try await WebhooksFixture.with { fixture in
        // A burst, and then one each 10 ms.
        let webhook = try await fixture.webhook(receiver.url) { $0.maxPerSecond = 100 }
        let id = try #require(UUID(webhook.id))
        let deliverer = fixture.service.deliverer
        fixture.service.start()
        try await fixture.eventually { deliverer.worker.id != nil }
        try await fixture.commit(Array(repeating: .licenseUpdated, count: 400))
        try await fixture.eventually {
          receiver.requests.count > 100 && (deliverer.lanes[id]?.waitingCount ?? 0) > 50
        }
        let lane = try #require(deliverer.lanes[id])
        let wanted = lane.room(at: Instant.now) + 2
        let began = Instant.now
        await deliverer.waitForRoom(for: [id], of: wanted)
        let hasWaited = Instant.now - began >= .milliseconds(150)
        let hasRoom = lane.room(at: Instant.now) >= wanted
        #expect(hasRoom || hasWaited)
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

  @Test @EventLoop func `however many webhooks hang, another tenant's deliveries have a place`()
    async throws
  {
    var sending = SendingLimits()
    sending.concurrentMax = 256
    // Longer than the test waits.
    sending.total = .seconds(60)
    let limits = WebhookLimits(endpointsMax: 150)
    try await TestReceiver.with { slow in
      try await TestReceiver.with { fast in
        try await WebhooksFixture.with(limits: limits, sending: sending) { fixture in
          // It answers once: before that libcurl does not know whether one connection carries several requests, and waits.
          slow.answer = { _ in slow.requests.count == 1 ? .status(204) : .nothing }
          for _ in 0..<150 { _ = try await fixture.webhook(slow.url) { $0.maxConcurrency = 1 } }
          let other = Tenant(accountID: .v7(), environment: .test)
          _ = try await fixture.webhook(fast.url, other)
          let deliverer = fixture.service.deliverer
          fixture.service.start()
          try await fixture.commit(Array(repeating: .licenseUpdated, count: 40))
          // Of each as much is in memory as there was a place for when its turn came.
          try await fixture.eventually {
            deliverer.lanes.values.count { $0.underWayCount == 1 } == 150
              && deliverer.heldCount > Deliverer.heldMax / 2
          }
          for number in 1...3 {
            try await fixture.commit([.licenseUpdated], of: .v7(), for: other)
            try await fixture.eventually(within: .seconds(5)) { fast.requests.count == number }
          }
          #expect(deliverer.heldCount < Deliverer.heldMax)
        }
      }
    }
  }
}
