public import Faults
internal import Glibc

/// Reads settings from `LATCHKEY_*` environment variables, and collects every complaint.
///
/// Each call names one variable and returns its value, or nil after noting what is wrong with it, so
/// that ``finish()`` can report all bad settings at once. What nobody asked for is refused too: a
/// misspelt setting must not be ignored silently. Secrets are given by the path of a file, never by
/// value, so all values read here may be shown.
public final class SettingsReader {
  /// What the names of all our settings begin with.
  public static let prefix = "LATCHKEY_"

  private let environment: [String: String]
  private var known: Set<String>
  private var issues: [Fault.Issue] = []

  /// Every setting that was read, with its value in effect, in the order of reading.
  public private(set) var summary: [(name: String, value: String)] = []

  /// Reads from `environment`.
  ///
  /// Names in `alsoKnown` are accepted without being read: those of another mode of the same
  /// executable.
  public init(_ environment: [String: String], alsoKnown: Set<String> = []) {
    self.environment = environment
    known = alsoKnown
  }

  /// The environment of this process.
  public static func processEnvironment() -> [String: String] {
    var variables: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let line = String(cString: text)
      if let equals = line.firstIndex(of: "=") {
        variables[String(line[..<equals])] = String(line[equals...].dropFirst())
      }
      entry += 1
    }
    return variables
  }

  /// A value of any kind.
  ///
  /// - Parameters:
  ///   - name: The variable's name.
  ///   - fallback: The value when the variable is absent or empty; nil makes it mandatory.
  ///   - expectation: What a good value looks like; ends the sentence "expected ...".
  ///   - repeatsRefused: Whether a complaint may quote the refused text, which could hold a secret.
  ///   - parse: Makes the value, or returns nil for a text that is not acceptable.
  /// - Returns: The value; nil when it was refused, which ``finish()`` will report.
  public func value<Value>(
    _ name: String,
    default fallback: Value? = nil,
    expected expectation: String,
    repeatsRefused: Bool = true,
    _ parse: (String) -> Value?
  ) -> Value? {
    known.insert(name)
    guard let text = environment[name], !text.isEmpty else {
      if let fallback {
        summary.append((name, "\(fallback)"))
        return fallback
      }
      refuse(name, "is not set; expected \(expectation)", code: "required")
      return nil
    }
    guard let value = parse(text) else {
      let quoted = repeatsRefused ? "is '\(text)'" : "is not acceptable"
      refuse(name, "\(quoted); expected \(expectation)", code: "invalid_value")
      return nil
    }
    summary.append((name, text))
    return value
  }

  /// Whether a variable is set, for settings that are optional as a whole.
  public func isSet(_ name: String) -> Bool {
    known.insert(name)
    return environment[name].map { !$0.isEmpty } ?? false
  }

  /// Notes a complaint that concerns more than the form of one value.
  public func refuse(_ name: String, _ message: String, code: String = "invalid_value") {
    issues.append(Fault.Issue(path: [name], message: message, code: code))
  }

  /// Throws when anything was refused or unknown; called once, after everything was read.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with one issue for each setting that is wrong.
  public func finish() throws(Fault) {
    for name in environment.keys.sorted() where name.hasPrefix(SettingsReader.prefix) {
      guard !known.contains(name) else { continue }
      refuse(name, "is not a setting of this program", code: "unrecognized_key")
    }
    guard issues.isEmpty else {
      throw Fault(.invalidArgument, "The settings are not acceptable", issues: issues)
    }
  }

  /// All the values, or a throw that reports every complaint so far.
  ///
  /// - Throws: ``Fault`` `invalidArgument`, as ``finish()``.
  public func require<each Value>(
    _ values: repeat (each Value)?
  ) throws(Fault) -> (repeat each Value) {
    try finish()
    func unwrap<Wrapped>(_ value: Wrapped?) throws(Fault) -> Wrapped {
      guard let value else {
        throw Fault.internalError("A setting is missing although nothing was refused")
      }
      return value
    }
    return try (repeat unwrap(each values))
  }
}
