import Faults
import ServiceKit
import Testing

@testable import GatewayService

/// The arithmetic of buckets, the table that holds them, and their settings.
@Suite struct RateLimitTests {
  private static let second: Int64 = 1_000_000_000

  @Test(arguments: [1, 2, 7, 10, 60, 120, 300, 6000, 999_999, RateLimit.perMinuteMax])
  func `a full bucket holds what a minute gives, exactly`(perMinute: Int) {
    let limit = RateLimit(perMinute: perMinute)
    var fullAt: Int64 = .min
    let now = 5 * Self.second
    for taken in 1...perMinute {
      let outcome = limit.take(from: &fullAt, at: now)
      guard outcome.isAllowed, outcome.remaining == perMinute - taken else {
        Issue.record("\(taken): \(outcome)")
        return
      }
    }
    let refused = limit.take(from: &fullAt, at: now)
    #expect(!refused.isAllowed && refused.remaining == 0)
    #expect(refused.untilNext == limit.interval)
    // What was refused has cost nothing.
    #expect(limit.look(at: fullAt, now + limit.interval).isAllowed)
    #expect(!limit.look(at: fullAt, now + limit.interval - 1).isAllowed)
    // A minute later everything is there again.
    #expect(fullAt <= now + 60 * Self.second)
  }

  @Test func `tokens trickle in one by one`() {
    let limit = RateLimit(perMinute: 60)
    var fullAt: Int64 = .min
    var now: Int64 = 0
    for _ in 0..<60 { _ = limit.take(from: &fullAt, at: now) }
    for _ in 0..<5 {
      now += Self.second - 1
      #expect(!limit.take(from: &fullAt, at: now).isAllowed)
      now += 1
      let outcome = limit.take(from: &fullAt, at: now)
      #expect(outcome.isAllowed && outcome.remaining == 0 && outcome.untilFull == 60 * Self.second)
    }
  }

  @Test func `a bucket keeps its place while others come and go`() {
    var table = BucketTable(setCount: 4)
    table.update(1) { $0 = 100 }
    table.update(2) { $0 = 200 }
    #expect(table.fullAt(1) == 100 && table.fullAt(2) == 200 && table.fullAt(3) == nil)
    table.update(1) { $0 += 5 }
    #expect(table.fullAt(1) == 105)
  }

  @Test func `who takes a slot goes on with the level of the fullest bucket there`() {
    var table = BucketTable(setCount: 1)
    for name in 1...8 { table.update(UInt64(name)) { $0 = Int64(name * 10) } }
    table.update(9) { fullAt in
      #expect(fullAt == 10)
      fullAt = 90
    }
    #expect(table.fullAt(1) == nil && table.fullAt(9) == 90)
    // The forgotten one comes back to what is now the fullest, which is emptier than it was.
    table.update(1) { #expect($0 == 20) }
  }

  @Test func `a flood of names gives a client no more than eight buckets`() {
    let limit = RateLimit(perMinute: 10)
    var table = BucketTable(setCount: 1)
    var allowed = 0
    for name in 0..<100_000 {
      let outcome = table.update(UInt64(name + 1)) { limit.take(from: &$0, at: 0) }
      if outcome.isAllowed { allowed += 1 }
    }
    #expect(allowed == 80)
  }

  @Test func `the defaults are those of the contract, with a hundred times as much for an address`()
    throws
  {
    let reader = SettingsReader([:])
    let limits = try #require(RateLimits(reader))
    try reader.finish()
    #expect(limits.validation.perMinute == 60)
    #expect(limits.activation.perMinute == 10)
    #expect(limits.license.perMinute == 120)
    #expect(limits.management.perMinute == 120)
    #expect(limits.publicPages.perMinute == 300)
    #expect(limits.validationByAddress.perMinute == 6000)
    #expect(limits.activationByAddress.perMinute == 1000)
    #expect(limits.licenseByAddress.perMinute == 12_000)
  }

  @Test func `limits are divided among the processes, and none is less than one`() throws {
    let reader = SettingsReader([
      "LATCHKEY_RATE_LIMIT_VALIDATION": "90", "LATCHKEY_RATE_LIMIT_PROCESSES": "4",
      "LATCHKEY_RATE_LIMIT_ACTIVATION": "3", "LATCHKEY_RATE_LIMIT_LICENSE_BY_ADDRESS": "500",
    ])
    let limits = try #require(RateLimits(reader))
    try reader.finish()
    #expect(limits.validation.perMinute == 22)
    #expect(limits.validationByAddress.perMinute == 2250)
    #expect(limits.activation.perMinute == 1)
    #expect(limits.licenseByAddress.perMinute == 125)
    let workers = limits.divided(among: 2)
    #expect(workers.validation.perMinute == 11)
    #expect(workers.activation.perMinute == 1)
    #expect(workers.licenseByAddress.perMinute == 62)
    #expect(limits.divided(among: 1).management == limits.management)
  }

  @Test func `every bad setting is named`() {
    let reader = SettingsReader([
      "LATCHKEY_RATE_LIMIT_VALIDATION": "0", "LATCHKEY_RATE_LIMIT_PUBLIC": "1000001",
      "LATCHKEY_RATE_LIMIT_PROCESSES": "x",
    ])
    #expect(RateLimits(reader) == nil)
    let fault = #expect(throws: Fault.self) { try reader.finish() }
    #expect(
      fault?.issues.map(\.path) == [
        ["LATCHKEY_RATE_LIMIT_VALIDATION"], ["LATCHKEY_RATE_LIMIT_PUBLIC"],
        ["LATCHKEY_RATE_LIMIT_PROCESSES"],
      ]
    )
  }
}
