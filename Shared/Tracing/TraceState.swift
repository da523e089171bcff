/// The rules of `tracestate`, whose members are other systems' and are passed on as they came.
///
/// Source: W3C Trace Context, section 3.3.
enum TraceState {
  /// Bytes that must be passed on at least; what is longer is dropped as a whole.
  static let bytesMax = 512
  /// The most members.
  static let membersMax = 32

  /// Whether a text may be passed on.
  static func isGood(_ text: [UInt8]) -> Bool {
    guard !text.isEmpty, text.count <= bytesMax else { return false }
    let members = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      .map(trimmed)
      // Empty members are allowed, for what fields are joined to.
      .filter { !$0.isEmpty }
    guard (1...membersMax).contains(members.count), members.allSatisfy(isMember) else {
      return false
    }
    let keys = members.map { $0.prefix { $0 != UInt8(ascii: "=") } }
    return Set(keys).count == keys.count
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = text.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    while let last = text.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") {
      text = text.dropLast()
    }
    return text
  }

  private static func isMember(_ member: ArraySlice<UInt8>) -> Bool {
    guard let equals = member.firstIndex(of: UInt8(ascii: "=")) else { return false }
    let value = member[(equals + 1)...]
    return isKey(member[..<equals]) && (1...256).contains(value.count) && value.last != 0x20
      && value.allSatisfy {
        (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=")
      }
  }

  /// `name`, or `tenant@system`.
  private static func isKey(_ key: ArraySlice<UInt8>) -> Bool {
    let parts = key.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    switch parts.count {
    case 1: return isName(parts[0], bytesMax: 256, mayBeginWithDigit: false)
    case 2:
      return isName(parts[0], bytesMax: 241, mayBeginWithDigit: true)
        && isName(parts[1], bytesMax: 14, mayBeginWithDigit: false)
    default: return false
    }
  }

  private static func isName(_ name: ArraySlice<UInt8>, bytesMax: Int, mayBeginWithDigit: Bool)
    -> Bool
  {
    guard let first = name.first, name.count <= bytesMax else { return false }
    let isLetter = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    return (isLetter(first) || mayBeginWithDigit && isDigit(first))
      && name.allSatisfy { isLetter($0) || isDigit($0) || "_-*/".utf8.contains($0) }
  }
}
