import Primitives
import Testing

@testable import WebhooksSending

/// What an outcome means, and when a delivery is tried again.
@Suite struct RetryTests {
  private static let now = Timestamp(milliseconds: 1_790_000_000_000)

  @Test(
    arguments: [
      (200, nil, .delivered), (201, nil, .delivered), (202, nil, .delivered),
      (204, nil, .delivered),
      (299, nil, .delivered),
      (300, nil, .failed(retryAfter: nil)), (301, nil, .failed(retryAfter: nil)),
      (302, nil, .failed(retryAfter: nil)), (304, nil, .failed(retryAfter: nil)),
      (400, nil, .failed(retryAfter: nil)), (401, nil, .failed(retryAfter: nil)),
      (404, nil, .failed(retryAfter: nil)), (410, nil, .gone), (429, nil, .failed(retryAfter: nil)),
      (500, nil, .failed(retryAfter: nil)), (503, nil, .failed(retryAfter: nil)),
      (999, nil, .failed(retryAfter: nil)),
      (nil, .dns, .failed(retryAfter: nil)), (nil, .refused, .failed(retryAfter: nil)),
      (nil, .tls, .failed(retryAfter: nil)), (nil, .timeout, .failed(retryAfter: nil)),
      (nil, .reset, .failed(retryAfter: nil)), (nil, .malformedReply, .failed(retryAfter: nil)),
      (nil, .blockedAddress, .failed(retryAfter: nil)),
      (nil, .headTooLarge, .failed(retryAfter: nil)),
      // The receiver has taken it, and says so at length.
      (200, .bodyTooLarge, .delivered), (500, .bodyTooLarge, .failed(retryAfter: nil)),
      (410, .bodyTooLarge, .gone),
      // It began to say so, and did not end in time.
      (200, .timeout, .failed(retryAfter: nil)), (200, .reset, .failed(retryAfter: nil)),
      (410, .reset, .failed(retryAfter: nil)),
      (nil, .cancelled, .undecided), (nil, .internalError, .undecided),
    ] as [(Int?, SendingFailure?, Verdict)]
  )
  func `an outcome has one meaning`(status: Int?, failure: SendingFailure?, verdict: Verdict) {
    #expect(Outcome(status: status, failure: failure).verdict(at: RetryTests.now) == verdict)
  }

  @Test(arguments: SendingFailure.allCases)
  func `every failure has a sentence for the owner of the endpoint`(failure: SendingFailure) {
    #expect(Outcome(failure: failure).explanation?.hasPrefix(failure.text) == true)
  }

  @Test func `a redirect is explained, a success is not`() {
    #expect(Outcome(status: 302).explanation == "The reply was 302; redirects are not followed")
    #expect(Outcome(status: 500).explanation == "The reply was 500")
    #expect(Outcome(status: 204).explanation == nil)
  }

  @Test(
    arguments: [
      ("0", 0), ("1", 1), ("120", 120), (" 120 ", 120), ("86400", 86_400), ("86401", 86_400),
      ("99999999999999999999999999", 86_400),
      ("Mon, 21 Sep 2026 14:13:50 GMT", 30), ("Monday, 21-Sep-26 14:13:50 GMT", 30),
      ("Mon Sep 21 14:13:50 2026", 30),
      ("Sun, 20 Sep 2026 14:13:50 GMT", 0), ("Tue, 21 Sep 2027 14:13:50 GMT", 86_400),
      ("", nil), ("-1", nil), ("1.5", nil), ("soon", nil), ("0x10", nil), ("1, 2", nil),
    ] as [(String, Int?)]
  )
  func `Retry-After is a number of seconds or a date, within bounds`(value: String, seconds: Int?) {
    var outcome = Outcome(status: 503)
    outcome.retryAfter = value
    let expected = Verdict.failed(retryAfter: seconds.map { .seconds($0) })
    #expect(outcome.verdict(at: RetryTests.now) == expected)
  }

  @Test func `the waits grow from seconds to a day, and then end`() {
    let schedule = RetrySchedule.standard
    let planned = [5, 30, 120, 600, 3600, 14_400, 43_200, 86_400, 86_400]
    for (index, seconds) in planned.enumerated() {
      let shortest = schedule.wait(afterAttempt: index + 1, retryAfter: nil, random: 0)
      let middle = schedule.wait(afterAttempt: index + 1, retryAfter: nil, random: 0.5)
      let longest = schedule.wait(afterAttempt: index + 1, retryAfter: nil, random: 1)
      #expect(middle == .seconds(seconds))
      #expect(shortest == .seconds(seconds) * 0.9)
      #expect(longest == .seconds(seconds) * 1.1)
    }
    #expect(schedule.attemptsMax == 10)
    #expect(schedule.wait(afterAttempt: 10, retryAfter: nil, random: 0) == nil)
    #expect(schedule.wait(afterAttempt: 10, retryAfter: .seconds(1), random: 0) == nil)
    #expect(schedule.wait(afterAttempt: 1000, retryAfter: nil, random: 0) == nil)
  }

  @Test(arguments: [
    // A wish makes the wait longer, and never shorter; the jitter goes on top.
    (1, 60, 0.0, 60.0), (1, 60, 1.0, 66.0), (1, 1, 0.5, 5.0), (5, 60, 0.5, 3600.0),
    (1, 86_400, 0.0, 86_400.0),
  ])
  func `the receiver's wish is honoured`(
    attempt: Int,
    retryAfter: Int,
    random: Double,
    expected: Double
  ) {
    let wait = RetrySchedule.standard.wait(
      afterAttempt: attempt,
      retryAfter: .seconds(retryAfter),
      random: random
    )
    // The jitter is a fraction in binary.
    #expect(wait.map { abs($0 / .seconds(1) - expected) < 1e-6 } == true)
  }
}
