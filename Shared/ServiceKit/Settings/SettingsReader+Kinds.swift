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
      Self.isReadableFile(path) ? path : nil
    }
  }

  /// The path of a folder that this process can look into now.
  public func readableFolder(_ name: String) -> String? {
    value(name, expected: "the path of a folder that this process can read") { path in
      Self.isReadable(path, S_IFDIR) ? path : nil
    }
  }

  /// The certificates of a server and their keys: two lists of files in the same order, separated by commas.
  public func tlsFiles(_ certificates: String, _ keys: String) -> TLSFiles? {
    let lists = [certificates, keys].map { name in
      value(name, expected: "files that this process can read, separated by commas") { text in
        let paths = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        return paths.allSatisfy(Self.isReadableFile) ? paths : nil
      }
    }
    guard let chains = lists[0], let secrets = lists[1] else { return nil }
    guard chains.count == secrets.count else {
      refuse(keys, "names \(secrets.count) files where \(certificates) names \(chains.count)")
      return nil
    }
    var files = TLSFiles(certificate: chains[0], key: secrets[0], authorities: nil)
    files.named = zip(chains, secrets).dropFirst().map {
      TLSFiles.Identity(certificate: $0, key: $1)
    }
    return files
  }

  private static func isReadableFile(_ path: String) -> Bool { isReadable(path, S_IFREG) }

  private static func isReadable(_ path: String, _ kind: mode_t) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == kind && access(path, R_OK) == 0
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
