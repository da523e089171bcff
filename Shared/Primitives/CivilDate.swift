/// A day of the Gregorian calendar, extended backwards to year 1.
struct CivilDate: Equatable {
  let year: Int64
  let month: Int64
  let day: Int64

  init(year: Int64, month: Int64, day: Int64) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// The number of whole days since 0001-01-01.
  ///
  /// Years are counted from March, so that the leap day is the last day of a year and the days
  /// before a month are one linear formula: (153 m + 2) / 5 for m = 0 in March.
  var daysSinceYearOne: Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let monthFromMarch = (month + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear
      - CivilDate.daysFromMarchZero
  }

  /// The day that lies a number of days, at least 0, after 0001-01-01.
  init(daysSinceYearOne days: Int64) {
    precondition(days >= 0, "the calendar begins in year 1")
    let count = days + CivilDate.daysFromMarchZero
    let era = count / CivilDate.daysPerEra
    let dayOfEra = count % CivilDate.daysPerEra
    // Leap days (one in 4 years, none in 100, one in 400) are taken out before dividing by 365.
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  }

  /// How many days a month has.
  static func days(inMonth month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: isLeap(year) ? 29 : 28
    default: 31
    }
  }

  private static func isLeap(_ year: Int64) -> Bool {
    year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
  }

  /// 400 years.
  private static let daysPerEra: Int64 = 146_097
  /// From 0000-03-01 to 0001-01-01.
  private static let daysFromMarchZero: Int64 = 306
}
