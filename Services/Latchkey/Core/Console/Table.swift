/// Text in columns, for people.
struct Table {
  /// Between two columns.
  private static let gap = "  "

  private var rows: [[String]]

  /// Begins with the names of the columns, or without any.
  init(_ names: [String] = []) { rows = names.isEmpty ? [] : [names] }

  /// Adds a row.
  mutating func add(_ row: [String]) { rows.append(row) }

  /// The rows, each on a line, every column as wide as its widest value.
  var text: String {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { column, value in
        column == row.count - 1
          ? value : value + String(repeating: " ", count: widths[column] - value.count)
      }
      return cells.joined(separator: Self.gap)
    }.joined(separator: "\n")
  }
}

/// Moments as people read them.
enum Moment {
  /// `2026-01-15T10:30:00.000Z` as `2026-01-15 10:30:00 UTC`; another text as it is.
  static func told(_ text: String) -> String {
    guard text.utf8.count == 24, text.hasSuffix("Z") else { return text }
    return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) UTC"
  }

  /// A number of seconds in the largest unit that it fills.
  static func told(seconds: Int64) -> String {
    let units: [(Int64, String)] = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
    for (size, name) in units where seconds >= size && seconds % size == 0 {
      return "\(seconds / size) \(name)\(seconds == size ? "" : "s")"
    }
    return "\(seconds) second\(seconds == 1 ? "" : "s")"
  }
}
