/// The characters of a class such as `[A-Za-z0-9_-]`, one bit each.
struct PatternBits: Equatable {
  private(set) var low: UInt64 = 0
  private(set) var high: UInt64 = 0

  /// Reads a class; nil when it is not one class of printable ASCII characters.
  ///
  /// A hyphen stands for itself at either end; there is no negation and no escape.
  init?(_ pattern: String) {
    guard pattern.first == "[", pattern.last == "]", pattern.count > 2 else { return nil }
    let characters = Array(pattern.utf8.dropFirst().dropLast())
    let forbidden = [UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "\\"), UInt8(ascii: "^")]
    guard characters.allSatisfy({ (0x20...0x7E).contains($0) && !forbidden.contains($0) })
    else { return nil }
    var index = 0
    while index < characters.count {
      let first = characters[index]
      if index + 2 < characters.count, characters[index + 1] == UInt8(ascii: "-") {
        let last = characters[index + 2]
        guard first <= last else { return nil }
        for character in first...last { insert(character) }
        index += 3
      } else {
        insert(first)
        index += 1
      }
    }
  }

  private mutating func insert(_ character: UInt8) {
    if character < 64 {
      low |= 1 << UInt64(character)
    } else {
      high |= 1 << UInt64(character - 64)
    }
  }
}
