/// Tells at a glance that ``JSONReader`` accepts a text, and keeps nothing of it.
///
/// For whoever makes documents of JSON that comes from elsewhere: to read each again and throw it away costs more than
/// its signature. What is not plain (white space, escapes, fractions, other characters than ASCII) is left to the reader,
/// and so is every refusal.
struct JSONCheck {
  /// A glance does not tell.
  private struct Unclear: Error {}

  private let text: UnsafeRawBufferPointer
  private var position = 0

  /// Whether a text is certainly an object that the reader accepts, in which some members are objects.
  static func isPlainObject(_ text: [UInt8], whoseObjectsAre names: [StaticString]) -> Bool {
    text.withUnsafeBytes { bytes in
      var check = JSONCheck(text: bytes)
      do throws(Unclear) {
        return try check.objects(among: names) == names.count && check.position == bytes.count
      } catch {
        return false
      }
    }
  }

  private init(text: UnsafeRawBufferPointer) { self.text = text }

  /// Reads the outermost object.
  ///
  /// - Returns: How many of the named members are objects.
  private mutating func objects(among names: [StaticString]) throws(Unclear) -> Int {
    guard next == UInt8(ascii: "{") else { throw Unclear() }
    var count = 0
    try object(depth: 1) { check, name in
      guard check.next == UInt8(ascii: "{") else { return }
      if names.contains(where: { check.isEqual(name, to: $0) }) { count += 1 }
    }
    return count
  }

  private var next: UInt8? { position < text.count ? text[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func require(_ character: Unicode.Scalar) throws(Unclear) {
    guard take(character) else { throw Unclear() }
  }

  private mutating func value(depth: Int) throws(Unclear) {
    switch next {
    case UInt8(ascii: "{"): try object(depth: depth + 1)
    case UInt8(ascii: "["): try array(depth: depth + 1)
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: try wholeNumber()
    }
  }

  private mutating func object(
    depth: Int,
    _ visit: (JSONCheck, Range<Int>) -> Void = { _, _ in }
  ) throws(Unclear) {
    guard depth <= JSONReader.depthMax else { throw Unclear() }
    position += 1
    guard !take("}") else { return }
    var names: [Range<Int>] = []
    repeat {
      let name = try string()
      guard !names.contains(where: { isEqual($0, name) }) else { throw Unclear() }
      names.append(name)
      try require(":")
      visit(self, name)
      try value(depth: depth)
    } while take(",")
    try require("}")
  }

  private mutating func array(depth: Int) throws(Unclear) {
    guard depth <= JSONReader.depthMax else { throw Unclear() }
    position += 1
    guard !take("]") else { return }
    repeat { try value(depth: depth) } while take(",")
    try require("]")
  }

  /// Where the characters of a plain string lie.
  private mutating func string() throws(Unclear) -> Range<Int> {
    try require("\"")
    let start = position
    while position + 8 <= text.count,
      Self.isPlain(text.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    {
      position += 8
    }
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard (0x20..<0x80).contains(byte), byte != UInt8(ascii: "\\") else { throw Unclear() }
      position += 1
    }
    try require("\"")
    return start..<position - 1
  }

  /// Whether eight characters are all of a plain string: ASCII from the space on, no quote, no backslash.
  ///
  /// A byte is too small where subtracting the least one that is good sets its top bit. What that borrows from the next byte
  /// may only make that one look bad too, and then they are looked at one by one.
  private static func isPlain(_ characters: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    let quotes = characters ^ ones &* UInt64(UInt8(ascii: "\""))
    let backslashes = characters ^ ones &* UInt64(UInt8(ascii: "\\"))
    let unplain =
      characters | (characters &- ones &* 0x20) | (quotes &- ones) & ~quotes
      | (backslashes &- ones) & ~backslashes
    return unplain & tops == 0
  }

  private mutating func wholeNumber() throws(Unclear) {
    _ = take("-")
    guard !take("0") else { return }
    let start = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    guard position > start else { throw Unclear() }
  }

  private mutating func word(_ word: StaticString) throws(Unclear) {
    let end = position + word.utf8CodeUnitCount
    guard end <= text.count, isEqual(position..<end, to: word) else { throw Unclear() }
    position = end
  }

  private func isEqual(_ range: Range<Int>, to word: StaticString) -> Bool {
    range.count == word.utf8CodeUnitCount
      && range.allSatisfy { text[$0] == word.utf8Start[$0 - range.lowerBound] }
  }

  private func isEqual(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
    left.count == right.count
      && zip(left, right).allSatisfy { text[$0] == text[$1] }
  }
}
