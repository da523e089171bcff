internal import Glibc

extension SettingsReader {
  /// A text that may be anything.
  public func text(_ name: String, default fallback: String? = nil) -> String? {
    value(name, default: fallback, expected: "a text") { $0 }
  }

  /// A whole number within bounds.
  public func integer(
    _ name: String,
    default fallback: Int? = nil,
    in bounds: ClosedRange<Int>
  ) -> Int? {
    value(
      name,
      default: fallback,
      expected: "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
    ) { text in
      guard let number = Int(text), bounds.contains(number) else { return nil }
      return number
    }
  }

  /// A switch: `on` or `off`.
  public func isOn(_ name: String, default fallback: Bool? = nil) -> Bool? {
    value(name, default: fallback, expected: "on or off") { text in
      switch text {
      case "on": true
      case "off": false
      default: nil
      }
    }
  }

  /// `host:port`.
  public func endpoint(_ name: String, default fallback: Endpoint? = nil) -> Endpoint? {
    value(name, default: fallback, expected: "host:port") { Endpoint($0) }
  }

  /// One of a closed set of words.
  public func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String,
    default fallback: Choice? = nil
  ) -> Choice? where Choice.RawValue == String {
    let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    return value(name, default: fallback, expected: "one of \(words)") { Choice(rawValue: $0) }
  }

  /// The path of a file that this process can read now.
  public func readableFile(_ name: String) -> String? {
    value(name, expected: "the path of a file that this process can read") { path in
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(path, R_OK) == 0
      else { return nil }
      return path
    }
  }

  /// How to reach a database: a libpq connection string or URI, which must not hold a password.
  public func databaseURL(_ name: String) -> String? {
    value(
      name,
      expected: "a connection string without a password (that one is read from a file)",
      repeatsRefused: false
    ) { text in
      DatabaseURL.holdsPassword(text) ? nil : text
    }
  }
}

/// What this module needs to know of libpq's two forms of connection strings.
///
/// Source: PostgreSQL 15 manual, section 34.1.1, "Connection Strings".
enum DatabaseURL {
  /// Whether a password is spelled out in a URI's user part, a URI parameter or a keyword.
  static func holdsPassword(_ text: String) -> Bool {
    guard text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") else {
      return text.split(whereSeparator: { $0 == " " || $0 == "=" }).contains("password")
    }
    let parts = text.split(separator: "?", maxSplits: 1)
    if parts.count == 2,
      parts[1].split(separator: "&").contains(where: { $0.hasPrefix("password=") })
    {
      return true
    }
    let authority = parts[0].split(separator: "/", maxSplits: 1).last ?? ""
    guard let at = authority.lastIndex(of: "@") else { return false }
    return authority[..<at].contains(":")
  }
}
