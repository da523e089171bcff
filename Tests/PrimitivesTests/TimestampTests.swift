import Foundation
import Primitives
import Testing

@Suite struct TimestampTests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0),
    ("1970-01-01T00:00:00.001Z", 1),
    ("1969-12-31T23:59:59.999Z", -1),
    ("2026-01-15T10:30:00.000Z", 1_768_473_000_000),
    ("2026-01-15T11:30:00+01:00", 1_768_473_000_000),
    ("2026-01-15T05:00:00-05:30", 1_768_473_000_000),
    ("2026-01-15T10:30:00-00:00", 1_768_473_000_000),
    ("2026-01-15T10:30:00.1Z", 1_768_473_000_100),
    ("2026-01-15T10:30:00.12Z", 1_768_473_000_120),
    ("2026-01-15T10:30:00.123456Z", 1_768_473_000_123),
    ("2026-01-15T10:30:00.123999999Z", 1_768_473_000_123),
    ("2000-02-29T00:00:00Z", 951_782_400_000),
    ("2024-02-29T23:59:59.999Z", 1_709_251_199_999),
    ("0001-01-01T00:00:00.000Z", -62_135_596_800_000),
    ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
  ])
  func `well-formed text is read`(text: String, milliseconds: Int64) {
    #expect(Timestamp(iso8601: text)?.milliseconds == milliseconds)
  }

  @Test(arguments: [
    "", "2026", "2026-01-15", "2026-01-15T10:30Z", "2026-01-15T10:30:00",
    "2026-01-15 10:30:00Z", "2026-01-15t10:30:00z", "2026-01-15T10:30:00.Z",
    "2026-01-15T10:30:00.1234567890Z", "2026-01-15T10:30:00,5Z", "2026-01-15T10:30:60Z",
    "2026-01-15T24:00:00Z", "2026-01-15T10:60:00Z", "2026-00-15T10:30:00Z",
    "2026-13-15T10:30:00Z", "2026-01-00T10:30:00Z", "2026-01-32T10:30:00Z",
    "2026-04-31T10:30:00Z", "2026-02-29T10:30:00Z", "1900-02-29T10:30:00Z",
    "2026-01-15T10:30:00+0100", "2026-01-15T10:30:00+01", "2026-01-15T10:30:00+24:00",
    "2026-01-15T10:30:00+01:60", "2026-01-15T10:30:00Z ", " 2026-01-15T10:30:00Z",
    "+2026-01-15T10:30:00Z", "12026-01-15T10:30:00Z", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-1-15T10:30:00Z",
    "2026-01-15T10:30:00Z\u{0}", "٢٠٢٦-01-15T10:30:00Z",
  ])
  func `other text is refused`(text: String) {
    #expect(Timestamp(iso8601: text) == nil)
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"),
    (-1, "1969-12-31T23:59:59.999Z"),
    (1_768_473_000_007, "2026-01-15T10:30:00.007Z"),
    (Int64.min, "0001-01-01T00:00:00.000Z"),
    (Int64.max, "9999-12-31T23:59:59.999Z"),
  ])
  func `text is written with milliseconds and Z`(milliseconds: Int64, text: String) {
    let moment = Timestamp(milliseconds: milliseconds)
    #expect(moment.iso8601 == text)
    var output: [UInt8] = []
    moment.append(to: &output)
    #expect(String(decoding: output, as: UTF8.self) == text)
  }

  /// Every 1st of March and last of February of 10,000 years, among others, against Foundation.
  @Test func `days agree with Foundation`() throws {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
    for day in stride(from: 0, through: 3_652_058, by: 61) {
      let moment = Timestamp(
        milliseconds: Timestamp.earliest.milliseconds + Int64(day) * 86_400_000
      )
      #expect(Timestamp(iso8601: moment.iso8601) == moment)
      // Foundation switches to the Julian calendar before 1582 in some versions; later years only.
      guard moment.milliseconds > -12_000_000_000_000 else { continue }
      let date = Date(timeIntervalSince1970: Double(moment.milliseconds / 1_000))
      let parts = calendar.dateComponents([.year, .month, .day], from: date)
      let expected = String(
        format: "%04d-%02d-%02dT00:00:00.000Z",
        parts.year ?? 0,
        parts.month ?? 0,
        parts.day ?? 0
      )
      #expect(moment.iso8601 == expected)
    }
  }

  @Test func `now is the system clock`() {
    let before = Date().timeIntervalSince1970
    let now = Double(Timestamp.now().milliseconds) / 1_000
    #expect(now >= before - 0.002 && now <= Date().timeIntervalSince1970 + 0.002)
  }

  @Test func `durations are added and taken away`() {
    let moment = Timestamp(milliseconds: 1_000)
    #expect((moment + .seconds(2)).milliseconds == 3_000)
    #expect((moment - .milliseconds(1_500)).milliseconds == -500)
    #expect(moment - Timestamp(milliseconds: 400) == .milliseconds(600))
    #expect((moment + .microseconds(1_999)).milliseconds == 1_001)
    #expect(Timestamp(milliseconds: -1).seconds == -1)
    #expect(Timestamp(milliseconds: 1_999).seconds == 1)
  }

  @Test func `arithmetic saturates instead of trapping`() {
    let first = Timestamp(milliseconds: .min)
    let last = Timestamp(milliseconds: .max)
    #expect(last + .seconds(1) == last)
    #expect(first - .seconds(1) == first)
    #expect(last + .seconds(Int64.max) == last)
    #expect(last - .seconds(Int64.min) == last)
    #expect(last - first == .milliseconds(Int64.max))
    #expect(first - last == .milliseconds(Int64.min))
  }
}
