import Primitives
import Testing
import WebhooksSending

/// The rule that disables an endpoint after days of nothing but failures.
@Suite struct EndpointHealthTests {
  private static let start = Timestamp(milliseconds: 1_790_000_000_000)
  private static let day = Duration.seconds(24 * 3600)

  /// Records failures at even distances, and gives the number of the one that disabled the endpoint.
  private func disabling(failures: Int, over span: Duration) -> Int? {
    var health = EndpointHealth()
    for index in 0..<failures {
      let now = EndpointHealthTests.start + span * index / max(1, failures - 1)
      if health.record(.failed(retryAfter: nil), at: now) == .failing { return index + 1 }
    }
    return nil
  }

  @Test(
    arguments: [
      // Many failures in a short time are an outage.
      (1000, Duration.seconds(4 * 24 * 3600), nil),
      // A long time with few failures is a quiet endpoint.
      (9, .seconds(30 * 24 * 3600), nil),
      (10, .seconds(30 * 24 * 3600), 10),
      (11, .seconds(5 * 24 * 3600), 11),
      (21, .seconds(10 * 24 * 3600), 11),
    ] as [(Int, Duration, Int?)]
  )
  func `days of nothing but failures disable an endpoint`(
    failures: Int,
    span: Duration,
    expected: Int?
  ) {
    #expect(disabling(failures: failures, over: span) == expected)
  }

  @Test func `one success makes an endpoint healthy again`() {
    var health = EndpointHealth(
      failingSince: EndpointHealthTests.start,
      failureCount: 500
    )
    let later = EndpointHealthTests.start + EndpointHealthTests.day * 6
    #expect(health.record(.delivered, at: later) == nil)
    #expect(health == EndpointHealth())
    #expect(health.record(.failed(retryAfter: nil), at: later) == nil)
    #expect(health == EndpointHealth(failingSince: later, failureCount: 1))
  }

  @Test func `an endpoint that is gone is disabled at once`() {
    var health = EndpointHealth()
    #expect(health.record(.gone, at: EndpointHealthTests.start) == .gone)
  }

  @Test func `what says nothing about the endpoint changes nothing`() {
    var health = EndpointHealth(failingSince: EndpointHealthTests.start, failureCount: 500)
    let before = health
    let later = EndpointHealthTests.start + EndpointHealthTests.day * 60
    #expect(health.record(.undecided, at: later) == nil)
    #expect(health == before)
  }

  @Test func `the patience outlasts all attempts of one delivery`() {
    let longest = RetrySchedule.standard.waits.reduce(.zero, +) * 1.1
    #expect(EndpointHealth.patience > longest)
  }
}
