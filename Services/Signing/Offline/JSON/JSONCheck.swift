/// Tells at a glance that ``JSONReader`` accepts a text, and keeps nothing of it.
///
/// For whoever makes documents of JSON that comes from elsewhere: to read each again and throw it away costs more than
/// its signature. What is not plain (white space, escapes, fractions, other characters than ASCII) is left to the reader,
/// and so is every refusal.
struct JSONCheck {
  /// A glance does not tell.
  private struct Unclear: Error {}

  private let text: UnsafeRawBufferPointer
  private let expected: [StaticString]
  private var position = 0
  /// How many of the expected members are objects.
  private var foundCount = 0
  /// Hashes of the names of the objects that are open, the innermost last.
  private var names: [UInt64] = []

  /// Whether a text is certainly an object that the reader accepts, in which some members are objects.
  static func isPlainObject(_ text: [UInt8], whoseObjectsAre names: [StaticString]) -> Bool {
    text.withUnsafeBytes { bytes in
      var check = JSONCheck(bytes, expecting: names)
      do throws(Unclear) {
        guard check.next == UInt8(ascii: "{") else { return false }
        try check.object(depth: 1)
        return check.foundCount == names.count && check.position == bytes.count
      } catch {
        return false
      }
    }
  }

  private init(_ text: UnsafeRawBufferPointer, expecting names: [StaticString]) {
    self.text = text
    expected = names
    self.names.reserveCapacity(64)
  }

  @inline(__always)
  private var next: UInt8? { position < text.count ? text[position] : nil }

  @inline(__always)
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  @inline(__always)
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

  private mutating func object(depth: Int) throws(Unclear) {
    guard depth <= JSONReader.depthMax else { throw Unclear() }
    position += 1
    guard !take("}") else { return }
    let outerCount = names.count
    repeat {
      let name = try string()
      try note(name, since: outerCount)
      try require(":")
      if depth == 1, next == UInt8(ascii: "{"), expected.contains(where: { isEqual(name, to: $0) })
      {
        foundCount += 1
      }
      try value(depth: depth)
    } while take(",")
    try require("}")
    names.removeLast(names.count - outerCount)
  }

  /// Remembers the name of a member; one whose hash its object has already may be there twice.
  private mutating func note(_ name: Range<Int>, since outerCount: Int) throws(Unclear) {
    // FNV-1a, 64 bits: offset basis and prime.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in name { hash = (hash ^ UInt64(text[index])) &* 0x0000_0100_0000_01b3 }
    for index in outerCount..<names.count where names[index] == hash { throw Unclear() }
    names.append(hash)
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
    while position + 8 <= text.count {
      let characters = text.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      let unplain = Self.unplain(UInt64(littleEndian: characters))
      guard unplain == 0 else {
        position += unplain.trailingZeroBitCount / 8
        break
      }
      position += 8
    }
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard (0x20..<0x80).contains(byte), byte != UInt8(ascii: "\\") else { throw Unclear() }
      position += 1
    }
    try require("\"")
    return start..<position - 1
  }

  /// Which of eight characters, the first one lowest, end a plain string or are none of it: ASCII from the space on, no quote,
  /// no backslash.
  ///
  /// The first of them is told by its top bit; above it any bit may be set. A byte is too small where subtracting the
  /// least one that is good sets its top bit, and what that borrows from the next byte comes behind the first.
  private static func unplain(_ characters: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    let quotes = characters ^ ones &* UInt64(UInt8(ascii: "\""))
    let backslashes = characters ^ ones &* UInt64(UInt8(ascii: "\\"))
    let found =
      characters | (characters &- ones &* 0x20) | (quotes &- ones) & ~quotes
      | (backslashes &- ones) & ~backslashes
    return found & tops
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
    guard range.count == word.utf8CodeUnitCount else { return false }
    for index in 0..<range.count where text[range.lowerBound + index] != word.utf8Start[index] {
      return false
    }
    return true
  }
}
