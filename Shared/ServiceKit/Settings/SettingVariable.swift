/// How a variable and its value are written on a line: so that a shell, systemd's `EnvironmentFile=` and our own programs
/// read the same.
public enum SettingVariable {
  /// A line without its end: `NAME=VALUE`.
  public static func line(_ name: String, _ value: String) -> String {
    "\(name)=\(quoted(value))"
  }

  /// A value as a shell takes it; in single quotes only where it must be.
  public static func quoted(_ value: String) -> String {
    let isPlain = value.utf8.allSatisfy { byte in
      switch UnicodeScalar(byte) {
      case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".", "/", ":", "@", "%", "+", ",": true
      default: false
      }
    }
    return isPlain && !value.isEmpty ? value : "'\(value.replacing("'", with: "'\\''"))'"
  }

  /// The value that ``quoted(_:)`` wrote, or one that stands there bare.
  ///
  /// Nil where quotes are not closed, or are none of ours.
  public static func unquoted(_ text: String) -> String? {
    guard text.contains(where: { $0 == "'" || $0 == "\"" }) else { return text }
    guard text.count >= 2, text.first == "'", text.last == "'" else { return nil }
    let parts = String(text.dropFirst().dropLast()).split(
      separator: "'\\''",
      omittingEmptySubsequences: false
    )
    guard parts.allSatisfy({ !$0.contains("'") }) else { return nil }
    return parts.joined(separator: "'")
  }
}
