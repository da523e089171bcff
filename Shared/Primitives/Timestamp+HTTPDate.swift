extension Timestamp {
  /// Parses a date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT`, or one of the two old forms that recipients must still
  /// take, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
  ///
  /// The day of the week is not compared with the date, as nobody else does. A year of two digits is taken for one
  /// between 1970 and 2069.
  /// Source: RFC 9110, section 5.6.7.
  public init?(httpDate text: String) {
    var parts = text.split(separator: " ")
    guard parts.count >= 4 else { return nil }
    let weekday = parts.removeFirst()
    let fields: (day: Substring, month: Substring, year: Substring, time: Substring)
    if weekday.hasSuffix(",") {
      guard parts.last == "GMT" else { return nil }
      let date = parts.count == 3 ? parts[0].split(separator: "-") : Array(parts.prefix(3))
      guard date.count == 3, parts.count == 3 || parts.count == 5 else { return nil }
      fields = (date[0], date[1], date[2], parts[parts.count - 2])
    } else {
      guard parts.count == 4 else { return nil }
      fields = (parts[1], parts[0], parts[3], parts[2])
    }
    guard let month = Timestamp.months.firstIndex(of: fields.month),
      let year = Timestamp.year(fields.year),
      let day = Timestamp.number(fields.day, digits: 1...2),
      let seconds = Timestamp.secondsOfDay(fields.time)
    else { return nil }
    let civilMonth = Int64(month) + 1
    guard (1...CivilDate.days(inMonth: civilMonth, of: year)).contains(day) else { return nil }
    let date = CivilDate(year: year, month: civilMonth, day: day)
    self.init(
      milliseconds: (date.daysSinceYearOne * 86_400 + seconds) * 1_000
        + Timestamp.earliest.milliseconds
    )
  }

  private static let months: [Substring] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  private static func year(_ text: Substring) -> Int64? {
    if let short = number(text, digits: 2...2) { return short < 70 ? 2000 + short : 1900 + short }
    guard let year = number(text, digits: 4...4), year > 0 else { return nil }
    return year
  }

  /// Reads `HH:MM:SS`; a leap second is taken for the one before it.
  private static func secondsOfDay(_ text: Substring) -> Int64? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, let hour = number(parts[0], digits: 2...2),
      let minute = number(parts[1], digits: 2...2), let second = number(parts[2], digits: 2...2),
      hour < 24, minute < 60, second <= 60
    else { return nil }
    return (hour * 60 + minute) * 60 + min(second, 59)
  }

  private static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int64? {
    guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return Int64(text)
  }
}
