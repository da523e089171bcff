import EventLoop
import Testing
import WebhooksSending

/// The circuit breaker's states, driven by hand.
@Suite struct CircuitBreakerTests {
  private let failure = Verdict.failed(retryAfter: nil)

  private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

  /// A breaker that the fifth failure has opened at second 0.
  private func opened() -> CircuitBreaker {
    var breaker = CircuitBreaker()
    for _ in 0..<CircuitBreaker.failuresMax { breaker.record(failure, at: at(0)) }
    return breaker
  }

  @Test func `failures in a row open it, and not one fewer`() {
    var breaker = CircuitBreaker()
    for _ in 1..<CircuitBreaker.failuresMax {
      breaker.record(failure, at: at(0))
      #expect(breaker.admit(at: at(0)) == .now)
    }
    breaker.record(failure, at: at(0))
    #expect(breaker.isOpen)
    #expect(breaker.admit(at: at(1)) == .after(.seconds(4)))
  }

  @Test func `a success between failures begins the count anew`() {
    var breaker = CircuitBreaker()
    for _ in 0..<100 {
      for _ in 1..<CircuitBreaker.failuresMax { breaker.record(failure, at: at(0)) }
      breaker.record(.delivered, at: at(0))
    }
    #expect(!breaker.isOpen)
  }

  @Test func `after the pause one probe goes out and the others wait for it`() {
    var breaker = opened()
    #expect(breaker.admit(at: at(5)) == .now)
    #expect(breaker.admit(at: at(5)) == .whenProbeEnds)
    #expect(breaker.admit(at: at(500)) == .whenProbeEnds)
    breaker.record(.delivered, at: at(6))
    #expect(!breaker.isOpen)
    #expect(breaker.admit(at: at(6)) == .now)
    #expect(breaker.admit(at: at(6)) == .now)
  }

  @Test func `each failed probe doubles the pause, up to five minutes`() {
    var breaker = opened()
    var now: Int64 = 5
    for pause: Int64 in [10, 20, 40, 80, 160, 300, 300, 300] {
      #expect(breaker.admit(at: at(now)) == .now)
      breaker.record(failure, at: at(now))
      #expect(breaker.admit(at: at(now)) == .after(.seconds(pause)))
      now += pause
    }
  }

  @Test func `what was under way when it opened neither lengthens nor shortens the pause`() {
    var breaker = opened()
    for _ in 0..<50 { breaker.record(failure, at: at(3)) }
    #expect(breaker.admit(at: at(4)) == .after(.seconds(1)))
  }

  @Test func `a late success closes it`() {
    var breaker = opened()
    breaker.record(.delivered, at: at(1))
    #expect(breaker.admit(at: at(1)) == .now)
  }

  @Test func `a probe that was cancelled makes room for another`() {
    var breaker = opened()
    #expect(breaker.admit(at: at(5)) == .now)
    breaker.record(.undecided, at: at(5))
    #expect(breaker.isOpen)
    #expect(breaker.admit(at: at(5)) == .now)
    #expect(breaker.admit(at: at(5)) == .whenProbeEnds)
  }

  @Test func `cancelled deliveries do not open it`() {
    var breaker = CircuitBreaker()
    for _ in 0..<100 { breaker.record(.undecided, at: at(0)) }
    #expect(!breaker.isOpen)
  }

  @Test func `an endpoint that is gone counts as failing`() {
    var breaker = CircuitBreaker()
    for _ in 0..<CircuitBreaker.failuresMax { breaker.record(.gone, at: at(0)) }
    #expect(breaker.isOpen)
  }
}

/// How much one endpoint may take.
@Suite struct EndpointLimiterTests {
  private func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  @Test func `so many at a time, and one more for each that ends`() {
    var limiter = EndpointLimiter(concurrentMax: 3, at: at(0))
    for _ in 0..<3 { #expect(limiter.admit(at: at(0)) == .now) }
    #expect(limiter.admit(at: at(60_000)) == .whenOneEnds)
    limiter.end()
    #expect(limiter.admit(at: at(60_000)) == .now)
    #expect(limiter.admit(at: at(60_000)) == .whenOneEnds)
    #expect(limiter.underWay == 3)
  }

  @Test func `a burst of a second's worth passes, then the rate holds`() {
    var limiter = EndpointLimiter(concurrentMax: 1000, perSecond: 10, at: at(0))
    for _ in 0..<10 { #expect(limiter.admit(at: at(0)) == .now) }
    #expect(limiter.admit(at: at(0)) == .after(.milliseconds(100)))
    #expect(limiter.admit(at: at(40)) == .after(.milliseconds(60)))
    #expect(limiter.admit(at: at(100)) == .now)
    #expect(limiter.admit(at: at(100)) == .after(.milliseconds(100)))
  }

  @Test func `idle time saves up no more than one second's worth`() {
    var limiter = EndpointLimiter(concurrentMax: 1000, perSecond: 5, at: at(0))
    var admitted = 0
    while limiter.admit(at: at(3_600_000)) == .now { admitted += 1 }
    #expect(admitted == 5)
  }

  @Test func `over a long time the rate is exact`() {
    var limiter = EndpointLimiter(concurrentMax: 1_000_000, perSecond: 7, at: at(0))
    var admitted = 0
    for millisecond: Int64 in 0..<100_000 where limiter.admit(at: at(millisecond)) == .now {
      admitted += 1
    }
    #expect((700...707).contains(admitted))
  }

  @Test func `a clock that goes back gives nothing`() {
    var limiter = EndpointLimiter(concurrentMax: 10, perSecond: 1, at: at(5000))
    #expect(limiter.admit(at: at(5000)) == .now)
    #expect(limiter.admit(at: at(1000)) == .after(.seconds(1)))
    #expect(limiter.admit(at: at(5999)) != .now)
    #expect(limiter.admit(at: at(6000)) == .now)
  }
}
