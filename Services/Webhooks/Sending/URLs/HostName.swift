/// The rules for a host that is a name.
enum HostName {
  /// The longest name that DNS can carry, without the trailing dot.
  ///
  /// Source: RFC 1035, section 2.3.4.
  static let bytesMax = 253
  private static let labelBytesMax = 63

  /// Whether a lower-case name has the form of one: labels of letters, digits, `-` and `_`.
  static func isValid(_ name: String) -> Bool {
    guard (1...bytesMax).contains(name.utf8.count) else { return false }
    return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      (1...labelBytesMax).contains(label.utf8.count) && !label.hasPrefix("-")
        && !label.hasSuffix("-") && label.utf8.allSatisfy(isLabelByte)
    }
  }

  private static func isLabelByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// Whether a name is this machine's by definition.
  ///
  /// Source: RFC 6761, section 6.3.
  static func isLoopback(_ name: String) -> Bool {
    name == "localhost" || name.hasSuffix(".localhost")
  }

  /// Whether a name can only be one of a local network: it has no dot, or ends in what no public registry gives out.
  ///
  /// Source: RFC 6762, section 3 and appendix G (`local` and its like); RFC 8375 (`home.arpa`); ICANN resolution
  /// 2024.07.29.06 (`internal`).
  static func isLocal(_ name: String) -> Bool {
    !name.contains(".") || localSuffixes.contains { name.hasSuffix($0) }
  }

  private static let localSuffixes = [
    ".local", ".localdomain", ".internal", ".intranet", ".private", ".corp", ".home", ".lan",
    ".home.arpa",
  ]
}
