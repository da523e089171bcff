import EventLoop
import Messages
import Primitives
import TestKit
import Testing
import WebhooksSending

@testable import WebhooksService

/// What an outcome makes of a delivery.
@Suite(.onLoop) struct DeliveryResultTests {
  private static let now = Timestamp(milliseconds: 1_790_000_000_000)

  /// One row an outcome, for a first attempt whose schedule waits for ten seconds.
  static let rows: [(outcome: Outcome, fate: DeliveryResult.Fate, isCounted: Bool)] = [
    (Outcome(status: 204), .finished(.succeeded), true),
    (Outcome(status: 410), .finished(.failed), true),
    (Outcome(status: 500), .retried(at: now + .seconds(10)), true),
    (Outcome(failure: .timeout), .retried(at: now + .seconds(10)), true),
    (Outcome(failure: .internalError), .released(at: now + .seconds(5)), false),
    (Outcome(failure: .cancelled), .released(at: now), false),
  ]

  @Test(arguments: rows.indices)
  @EventLoop func `an outcome says what becomes of a delivery`(row: Int) {
    let (outcome, fate, isCounted) = Self.rows[row]
    let delivery = ClaimedDelivery(
      tenant: Tenant(accountID: .v7(), environment: .test),
      endpointID: .v7(),
      endpointVersion: 1,
      id: .v7(),
      eventID: .v7(),
      eventType: "license.created",
      licenseID: nil,
      body: [],
      leaseEnds: Instant.now
    )
    let result = DeliveryResult.of(
      outcome,
      delivery,
      DeliveryAttempt(startedAt: Self.now.milliseconds, durationMs: 1),
      by: RetrySchedule(waits: [.seconds(10)]),
      at: Self.now,
      random: 0.5
    )
    #expect(result.fate == fate)
    #expect((result.attempt != nil) == isCounted)
  }
}
