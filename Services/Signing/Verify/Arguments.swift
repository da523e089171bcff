internal import Primitives

/// The words behind a command: options with values, and others.
struct Arguments {
  private var options: [String: [String]] = [:]
  private var others: [String] = []

  /// Sorts words.
  ///
  /// - Parameters:
  ///   - words: What stands behind the command.
  ///   - names: The options it has, each of which takes a value.
  ///   - repeatable: Those that may be given more than once.
  /// - Throws: ``Complaint`` about a word that does not belong there.
  init(
    _ words: [String],
    options names: Set<String>,
    repeatable: Set<String> = []
  ) throws(Complaint) {
    var rest = words[...]
    while let word = rest.popFirst() {
      guard word.hasPrefix("--") else {
        others.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard names.contains(name) else { throw Complaint("there is no option \(name) here") }
      guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
        throw Complaint("\(name) needs a value")
      }
      guard options[name] == nil || repeatable.contains(name) else {
        throw Complaint("\(name) is given twice")
      }
      options[name, default: []].append(value)
    }
  }

  /// The one word that is no option.
  func file() throws(Complaint) -> String {
    guard others.count == 1 else { throw Complaint("exactly one FILE is needed") }
    return others[0]
  }

  /// Refuses words that are no options.
  func checkNoFile() throws(Complaint) {
    guard others.isEmpty else { throw Complaint("\(others[0]) is not expected here") }
  }

  func all(_ name: String) -> [String] { options[name] ?? [] }

  func text(_ name: String) -> String? { options[name]?.first }

  /// A value that must be there.
  func required(_ name: String) throws(Complaint) -> String {
    guard let value = text(name) else { throw Complaint("\(name) is needed") }
    return value
  }

  func number(_ name: String) throws(Complaint) -> Int64? {
    try value(name, "a whole number from 1") { Int64($0).flatMap { $0 > 0 ? $0 : nil } }
  }

  func moment(_ name: String) throws(Complaint) -> Timestamp? {
    try value(name, "a time such as 2026-01-15T10:30:00Z") { Timestamp(iso8601: $0) }
  }

  func id(_ name: String) throws(Complaint) -> UUID? {
    try value(name, "a UUID") { UUID($0) }
  }

  func environment(_ name: String) throws(Complaint) -> Environment? {
    try value(name, "test or live") { Environment(rawValue: $0) }
  }

  private func value<Value>(
    _ name: String,
    _ expectation: String,
    _ read: (String) -> Value?
  ) throws(Complaint) -> Value? {
    guard let text = text(name) else { return nil }
    guard let value = read(text) else { throw Complaint("\(name) must be \(expectation)") }
    return value
  }
}
