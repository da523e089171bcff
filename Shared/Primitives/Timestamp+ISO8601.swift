extension Timestamp {
  /// The number of characters that ``iso8601`` has.
  public static let characterCount = 24

  /// The text form `2026-01-15T10:30:00.000Z`; moments outside ``earliest`` to ``latest`` are
  /// written as the nearer of the two.
  public var iso8601: String {
    String(unsafeUninitializedCapacity: Timestamp.characterCount) { buffer in
      write(to: buffer)
      return Timestamp.characterCount
    }
  }

  /// Appends ``iso8601`` as ASCII.
  public func append(to output: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Timestamp.characterCount) { buffer in
      write(to: buffer)
      output.append(contentsOf: buffer)
    }
  }

  private func write(to buffer: UnsafeMutableBufferPointer<UInt8>) {
    let moment = min(max(self, .earliest), .latest)
    // Counted from the earliest moment, so that nothing below is negative.
    let elapsed = moment.milliseconds - Timestamp.earliest.milliseconds
    let date = CivilDate(daysSinceYearOne: elapsed / Timestamp.millisecondsPerDay)
    let time = elapsed % Timestamp.millisecondsPerDay
    var position = 0
    func put(_ number: Int64, width: Int, then separator: Unicode.Scalar) {
      var rest = number
      for index in stride(from: position + width - 1, through: position, by: -1) {
        buffer.initializeElement(at: index, to: UInt8(ascii: "0") + UInt8(rest % 10))
        rest /= 10
      }
      buffer.initializeElement(at: position + width, to: UInt8(ascii: separator))
      position += width + 1
    }
    put(date.year, width: 4, then: "-")
    put(date.month, width: 2, then: "-")
    put(date.day, width: 2, then: "T")
    put(time / 3_600_000, width: 2, then: ":")
    put(time / 60_000 % 60, width: 2, then: ":")
    put(time / 1_000 % 60, width: 2, then: ".")
    put(time % 1_000, width: 3, then: "Z")
  }

  /// Parses `YYYY-MM-DDTHH:MM:SS`, then optionally `.` and 1 to 9 digits, then `Z` or `±HH:MM`.
  ///
  /// Digits after the milliseconds are cut off. Everything else gives nil: lower-case `t` and `z`,
  /// a missing zone, days that the month does not have, second 60, and moments outside ``earliest``
  /// to ``latest``.
  /// Source: RFC 3339, section 5.6, of which this is the strict part.
  public init?(iso8601 text: String) {
    var text = text
    let parsed = text.withUTF8 { Timestamp(iso8601: UnsafeRawBufferPointer($0)) }
    guard let parsed else { return nil }
    self = parsed
  }

  /// Parses ASCII text, as the initializer that takes a string does.
  public init?(iso8601 text: UnsafeRawBufferPointer) {
    var reader = ISO8601Reader(text: text)
    guard let milliseconds = reader.read() else { return nil }
    let moment = Timestamp(milliseconds: milliseconds)
    guard moment >= .earliest, moment <= .latest else { return nil }
    self = moment
  }

  fileprivate static let millisecondsPerDay: Int64 = 86_400_000
}

/// Reads one moment from left to right.
private struct ISO8601Reader {
  let text: UnsafeRawBufferPointer
  private var position = 0

  init(text: UnsafeRawBufferPointer) {
    self.text = text
  }

  mutating func read() -> Int64? {
    guard let year = number(width: 4, in: 1...9_999), skip("-"),
      let month = number(width: 2, in: 1...12), skip("-"),
      let day = number(width: 2, in: 1...CivilDate.days(inMonth: month, of: year)), skip("T"),
      let hour = number(width: 2, in: 0...23), skip(":"),
      let minute = number(width: 2, in: 0...59), skip(":"),
      let second = number(width: 2, in: 0...59),
      let millisecond = fraction(),
      let offsetMinutes = zone(),
      position == text.count
    else { return nil }
    let date = CivilDate(year: year, month: month, day: day)
    let minutes = (date.daysSinceYearOne * 24 + hour) * 60 + minute - offsetMinutes
    return (minutes * 60 + second) * 1_000 + millisecond + Timestamp.earliest.milliseconds
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func digit() -> Int64? {
    guard position < text.count else { return nil }
    let byte = text[position]
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
    position += 1
    return Int64(byte - UInt8(ascii: "0"))
  }

  private mutating func number(width: Int, in range: ClosedRange<Int64>) -> Int64? {
    var number: Int64 = 0
    for _ in 0..<width {
      guard let digit = digit() else { return nil }
      number = number * 10 + digit
    }
    return range.contains(number) ? number : nil
  }

  /// The milliseconds after an optional point.
  private mutating func fraction() -> Int64? {
    guard skip(".") else { return 0 }
    var millisecond: Int64 = 0
    var count = 0
    while let digit = digit() {
      count += 1
      guard count <= 9 else { return nil }
      if count <= 3 { millisecond = millisecond * 10 + digit }
    }
    switch count {
    case 0: return nil
    case 1: return millisecond * 100
    case 2: return millisecond * 10
    default: return millisecond
    }
  }

  /// How many minutes the written time is ahead of UTC.
  private mutating func zone() -> Int64? {
    if skip("Z") { return 0 }
    let sign: Int64
    if skip("+") {
      sign = 1
    } else if skip("-") {
      sign = -1
    } else {
      return nil
    }
    guard let hours = number(width: 2, in: 0...23), skip(":"),
      let minutes = number(width: 2, in: 0...59)
    else { return nil }
    return sign * (hours * 60 + minutes)
  }
}
