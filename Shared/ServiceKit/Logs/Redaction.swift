public import Logging

/// Whether a value of a log line may be shown.
///
/// Written as an attribute of the value: `["token": .attributed("\(token)", .secret)]`.
public enum Sensitivity: Int64, Sendable, Logger.MetadataValueAttributes.Attribute {
  /// Anyone who reads logs may see it; what values are when nothing is said.
  case open = 0
  /// Nobody may see it: only that there was a value is logged.
  case secret = 1
}

/// The last net under log lines: blots out what looks like a credential, wherever it came from.
///
/// Code does not log secrets in the first place. This catches what arrives inside texts that others
/// wrote: a driver's error, a header that was quoted, a command line.
enum Redaction {
  /// What stands in the place of a secret.
  static let blot = "[redacted]"

  /// Names of metadata whose values are never shown.
  private static let secretNames: [String] = [
    "authorization", "cookie", "password", "passphrase", "secret", "token", "private_key",
    "api_key", "license_key", "signing_key",
  ]

  /// Whether a metadata name alone says that its value is a secret.
  static func isSecretName(_ name: String) -> Bool {
    let name = name.lowercased()
    return secretNames.contains {
      name == $0 || name.hasSuffix("_\($0)") || name.hasSuffix("-\($0)")
    }
  }

  /// The text with every word that looks like a credential blotted out.
  static func redact(_ text: String) -> String {
    guard mayHoldCredential(text) else { return text }
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY") { return blot }
    var result = ""
    var word = ""
    for character in text {
      if isWordCharacter(character) {
        word.append(character)
        continue
      }
      result += redactWord(word, after: result)
      word = ""
      result.append(character)
    }
    return result + redactWord(word, after: result)
  }

  /// A quick look that lets nearly every line through without further work.
  private static func mayHoldCredential(_ text: String) -> Bool {
    var dashes = 0
    var previous: UInt8 = 0
    for byte in text.utf8 {
      // `_` follows `lk` in API keys; `=` follows `password` in connection strings.
      if byte == UInt8(ascii: "_") && previous == UInt8(ascii: "k") { return true }
      if byte == UInt8(ascii: "=") && previous == UInt8(ascii: "d") { return true }
      if byte == UInt8(ascii: "-") { dashes += 1 }
      previous = byte
    }
    return dashes >= 4
  }

  private static func isWordCharacter(_ character: Character) -> Bool {
    character == "_" || character == "-"
      || (character.isASCII && (character.isLetter || character.isNumber))
  }

  private static func redactWord(_ word: String, after text: String) -> String {
    if text.hasSuffix("password=") && !word.isEmpty { return blot }
    for prefix in ["lk_test_", "lk_live_"] {
      if let range = word.firstRange(of: prefix), range.upperBound < word.endIndex {
        return prefix + blot
      }
    }
    return isLicenseKey(word) ? blot : word
  }

  /// `PREFIX-XXXX-XXXX-XXXX-XXXX`; a UUID's last group is longer, so it is none.
  private static func isLicenseKey(_ word: String) -> Bool {
    let groups = word.split(separator: "-", omittingEmptySubsequences: false)
    guard groups.count == 5, (2...10).contains(groups[0].count) else { return false }
    return groups.dropFirst().allSatisfy { $0.count == 4 }
  }
}
