public import Faults
internal import Glibc

/// Reads settings from flags, the environment and a file, and collects every complaint.
///
/// Each call declares one setting and returns its value, or nil after noting what is wrong with it, so
/// that ``finish()`` can report all bad settings at once. What nobody asked for is refused too: a
/// misspelt setting must not be ignored silently. Secrets are given by the path of a file, never by
/// value, so all values read here may be shown.
public final class SettingsReader {
  /// A setting that was read.
  struct Reading {
    var setting: Setting
    /// The value in effect; nil where the setting is optional and not given.
    var text: String?
    var origin: SettingSources.Origin
  }

  private let sources: SettingSources
  private var issues: [Fault.Issue] = []

  /// Every setting that was asked for, in the order of reading.
  public private(set) var declared: [Setting] = []
  /// Those of them that were not refused.
  private(set) var readings: [Reading] = []

  /// Where the program listens, by the settings that were read.
  var listening: [Endpoint] = []

  /// Reads from all sources.
  public init(_ sources: SettingSources) {
    self.sources = sources
    // The sources have read the file; here its name becomes a setting as any other.
    _ = value(.file) { SettingsFile.isReadable($0) ? $0 : nil }
  }

  /// Reads from an environment alone.
  public convenience init(_ environment: [String: String]) {
    self.init(SettingSources(environment: environment))
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

  /// The file that the settings were read from besides; nil where there is none.
  var filePath: String? { sources.file?.path }

  /// A value of any kind.
  ///
  /// - Parameters:
  ///   - setting: What is read.
  ///   - parse: Makes the value, or returns nil for a text that is not acceptable.
  /// - Returns: The value; nil when it was refused, which ``finish()`` will report, or when it is optional and not given.
  public func value<Value>(_ setting: Setting, _ parse: (String) -> Value?) -> Value? {
    declared.append(setting)
    guard let given = sources.given(setting) else { return absent(setting, parse) }
    guard !given.text.isEmpty else {
      complain(given.label, "has no value; write \(setting.flag) \(setting.placeholder)")
      return nil
    }
    // What could not stand on a line of a file, and would disturb a terminal.
    let isLine = given.text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    guard isLine, let value = parse(given.text) else {
      let isQuoted = isLine && !setting.mayHoldSecret
      complain(
        given.label,
        "\(isQuoted ? "is '\(given.text)'" : "is not acceptable"); expected \(setting.expectation)"
      )
      return nil
    }
    readings.append(Reading(setting: setting, text: given.text, origin: given.origin))
    return value
  }

  private func absent<Value>(_ setting: Setting, _ parse: (String) -> Value?) -> Value? {
    switch setting.absence {
    case .refusal:
      complain(setting.name, "is not set; expected \(setting.expectation)", code: "required")
      return nil
    case .nothing:
      readings.append(Reading(setting: setting, text: nil, origin: .fallback))
      return nil
    case .value(let text):
      guard let value = parse(text) else {
        preconditionFailure("The default of \(setting.name) is not acceptable")
      }
      readings.append(Reading(setting: setting, text: text, origin: .fallback))
      return value
    }
  }

  /// Whether a setting that was read is given, be it acceptable or not.
  public func isGiven(_ name: String) -> Bool { given(name) != nil }

  private func given(_ name: String) -> SettingSources.Given? {
    declared.first { $0.name == name }.flatMap { sources.given($0) }
  }

  /// Notes a complaint that concerns more than the form of one value.
  ///
  /// - Parameters:
  ///   - name: The setting, as it was declared.
  ///   - message: What is wrong and what would be right, as the rest of a sentence that begins with the setting.
  public func refuse(_ name: String, _ message: String) {
    complain(given(name)?.label ?? name, message)
  }

  private func complain(_ label: String, _ message: String, code: String = "invalid_value") {
    issues.append(Fault.Issue(path: [label], message: message, code: code))
  }

  /// Throws when anything was refused or unknown; called once, after everything was read.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with one issue for each setting that is wrong.
  public func finish() throws(Fault) {
    let issues = issues + sources.complaints(declared: declared)
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
