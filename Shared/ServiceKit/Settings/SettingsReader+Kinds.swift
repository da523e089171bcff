internal import Postgres

// Every kind takes the name of the setting and, in one line without a full stop, what it is for. Where it is not given, its
// default holds; without one it must be given, or is nil where it is optional.

extension SettingsReader {
  /// A whole number within bounds.
  public func integer(
    _ name: String,
    _ summary: String,
    placeholder: String = "N",
    default fallback: Int? = nil,
    isOptional: Bool = false,
    in bounds: ClosedRange<Int>
  ) -> Int? {
    let setting = Setting(
      name,
      placeholder,
      summary,
      expected: "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)",
      without: Setting.Absence(default: fallback.map { "\($0)" }, isOptional: isOptional)
    )
    return value(setting) { text in
      guard let number = Int(text), bounds.contains(number) else { return nil }
      return number
    }
  }

  /// A switch: `on` or `off`.
  public func isOn(_ name: String, _ summary: String, default fallback: Bool) -> Bool? {
    let setting = Setting(
      name,
      "on|off",
      summary,
      expected: "on or off",
      without: .value(fallback ? "on" : "off")
    )
    return value(setting) { text in
      switch text {
      case "on": true
      case "off": false
      default: nil
      }
    }
  }

  /// `host:port`.
  public func endpoint(
    _ name: String,
    _ summary: String,
    default fallback: Endpoint? = nil,
    isOptional: Bool = false
  ) -> Endpoint? {
    let setting = Setting(
      name,
      "HOST:PORT",
      summary,
      expected: "host:port",
      without: Setting.Absence(default: fallback.map { "\($0)" }, isOptional: isOptional)
    )
    return value(setting) { Endpoint($0) }
  }

  /// Where this program listens: `host:port`.
  public func listenEndpoint(
    _ name: String,
    _ summary: String,
    isOptional: Bool = false
  ) -> Endpoint? {
    let endpoint = endpoint(name, summary, isOptional: isOptional)
    if let endpoint { listening.append(endpoint) }
    return endpoint
  }

  /// Where another service is called: one host or several, each with all the addresses that it resolves to.
  public func addresses(of service: String) -> [Endpoint]? {
    let setting = Setting(
      "\(Setting.prefix)\(service.uppercased())_ADDRESS",
      "HOST:PORT,...",
      "where the \(service) service is called; all addresses of all hosts take turns",
      expected: "host:port, or up to \(Self.hostsMax) of them separated by commas"
    )
    return value(setting) { text in
      let hosts = text.split(separator: ",", omittingEmptySubsequences: false)
        .map { Endpoint(String($0)) }
      let known = hosts.compactMap { $0 }
      guard known.count == hosts.count, known.count <= Self.hostsMax,
        Set(known).count == known.count
      else { return nil }
      return known
    }
  }

  /// More replicas have a name that resolves to all of them.
  private static let hostsMax = 64

  /// One of a closed set of words.
  public func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String,
    _ summary: String,
    default fallback: Choice
  ) -> Choice? where Choice.RawValue == String {
    let words = Choice.allCases.map(\.rawValue)
    let setting = Setting(
      name,
      words.joined(separator: "|"),
      summary,
      expected: "one of \(words.joined(separator: ", "))",
      without: .value(fallback.rawValue)
    )
    return value(setting) { Choice(rawValue: $0) }
  }

  /// How to reach a database: a libpq connection string or URI, which must not hold a password, and must have a distant
  /// server prove who it is.
  public func databaseURL(_ name: String, _ summary: String) -> String? {
    let setting = Setting(
      name,
      "URL",
      summary,
      expected: ConnectionString.safeForm,
      mayHoldSecret: true
    )
    return value(setting) { ConnectionString.isSafe($0) ? $0 : nil }
  }
}
