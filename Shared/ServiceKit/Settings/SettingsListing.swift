public import Faults

/// A file of settings, as `--config` names it: a line `NAME=VALUE` each, empty lines, and comments from `#` on.
public struct SettingsListing: Sendable {
  /// One line with a setting.
  struct Entry: Sendable, Equatable {
    var name: String
    var value: String
    /// Counted from 1.
    var line: Int
  }

  let path: String
  private(set) var entries: [Entry] = []
  /// What is wrong with the file or its lines.
  private(set) var issues: [Fault.Issue] = []

  /// Reads a file.
  init(path: String) {
    self.path = path
    guard !SettingsFile.isWritableByOthers(path) else {
      issues.append(
        Fault.Issue(
          path: [path],
          message: "is a file that other users can change; run `chmod o-w \(path)`",
          code: "invalid_value"
        )
      )
      return
    }
    do throws(Fault) {
      read(try SettingsFile.read(path))
    } catch {
      issues.append(
        Fault.Issue(
          path: [Setting.file.name],
          message: "cannot be used: \(error.message)",
          code: "invalid_value"
        )
      )
    }
  }

  /// Reads the bytes of a file.
  init(path: String, bytes: [UInt8]) {
    self.path = path
    read(bytes)
  }

  /// The settings of a file, by name, for a program that passes them on.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - known: The names that may be there.
  /// - Returns: The values by name.
  /// - Throws: ``Fault`` `invalidArgument` with a sentence about the first line that is wrong.
  public static func variables(
    in path: String,
    known: Set<String>
  ) throws(Fault) -> [String: String] {
    let listing = SettingsListing(path: path)
    let unknown = listing.entries.first { !known.contains($0.name) }
    let complaint =
      listing.issues.first.map { "\($0.path.joined()) \($0.message)" }
      ?? unknown.map { "\(listing.label($0)) is not a setting that can be made there" }
    if let complaint { throw Fault(.invalidArgument, complaint) }
    return Dictionary(uniqueKeysWithValues: listing.entries.map { ($0.name, $0.value) })
  }

  /// The setting of a name, where there is one.
  func entry(_ name: String) -> Entry? { entries.first { $0.name == name } }

  /// What a complaint about a line begins with.
  func label(_ entry: Entry) -> String { "\(path):\(entry.line): \(entry.name)" }

  private mutating func read(_ bytes: [UInt8]) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let text = trimmed(line)
      guard let first = text.first, first != UInt8(ascii: "#") else { continue }
      guard let entry = parsed(text, line: index + 1) else {
        // The line is not repeated: nobody knows what it holds.
        let place = "\(path):\(index + 1):"
        issues.append(
          Fault.Issue(
            path: [place],
            message: "is no setting; write NAME=VALUE, or NAME='VALUE'",
            code: "invalid_value"
          )
        )
        continue
      }
      if self.entry(entry.name) == nil {
        entries.append(entry)
      } else {
        refuseRepetition(entry)
      }
    }
  }

  private mutating func refuseRepetition(_ entry: Entry) {
    issues.append(
      Fault.Issue(
        path: [label(entry)],
        message: "is there a second time; leave one of the lines",
        code: "invalid_value"
      )
    )
  }

  private func parsed(_ line: ArraySlice<UInt8>, line number: Int) -> Entry? {
    guard let text = String(validating: line, as: UTF8.self),
      let equals = text.firstIndex(of: "="),
      let value = SettingVariable.unquoted(String(text[text.index(after: equals)...]))
    else { return nil }
    let name = text[..<equals]
    guard !name.isEmpty,
      name.utf8.allSatisfy({ byte in
        switch UnicodeScalar(byte) {
        case "A"..."Z", "a"..."z", "0"..."9", "_", "-": true
        default: false
        }
      })
    else { return nil }
    return Entry(name: String(name), value: value, line: number)
  }

  /// Without the blanks and the carriage return around a line.
  private func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let blanks: Set<UInt8> = [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r")]
    var line = line.drop { blanks.contains($0) }
    while let last = line.last, blanks.contains(last) { line = line.dropLast() }
    return line
  }
}
