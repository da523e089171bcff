internal import Primitives

/// How every file of ours is wrapped for people and mail programs: a line of parts between two markers.
///
///     -----BEGIN LICENSE FILE-----
///     <part>.<part>.<part>
///     -----END LICENSE FILE-----
///
/// Each part is standard base 64 with padding, on one line, and exact: there is one text for each sequence of bytes.
struct Armor: Sendable, Equatable {
  /// How many parts there are.
  let partCount: Int
  private let begin: [UInt8]
  private let end: [UInt8]

  /// - Parameters:
  ///   - label: What the markers name, in capitals.
  ///   - partCount: How many parts there are.
  init(label: String, partCount: Int) {
    self.partCount = partCount
    begin = Array("-----BEGIN \(label)-----".utf8)
    end = Array("-----END \(label)-----".utf8)
  }

  /// The largest text that is read, in bytes.
  ///
  /// The largest license file has a header of 64 KiB and a payload of 256 KiB, a third more in base 64.
  static let textBytesMax = 524_288

  /// The marked text of a line, without a line break at its end.
  ///
  /// - Parameters:
  ///   - start: The line but for its last part.
  ///   - last: The last part, in base 64.
  /// - Returns: The text.
  func text(_ start: [UInt8], last: [UInt8]) -> String {
    let count = begin.count + start.count + last.count + end.count + 3
    return String(unsafeUninitializedCapacity: count) { buffer in
      var place = 0
      func put(_ bytes: [UInt8]) {
        place = buffer[place...].initialize(fromContentsOf: bytes)
      }
      func put(_ character: Unicode.Scalar) {
        buffer.initializeElement(at: place, to: UInt8(ascii: character))
        place += 1
      }
      put(begin)
      put("\n")
      put(start)
      put(".")
      put(last)
      put("\n")
      put(end)
      return place
    }
  }

  /// Parts one line as ``Line``; markers and white space around it may be there or not.
  ///
  /// A marker without the other one is refused, so that a file that was cut off is never taken for a whole one.
  func parse(_ text: [UInt8]) throws(Refusal) -> Line {
    guard text.count <= Self.textBytesMax else {
      throw Refusal(.malformed, "larger than \(Self.textBytesMax) bytes")
    }
    var rest = trimmed(text[...])
    if rest.starts(with: begin) {
      rest = rest.dropFirst(begin.count)
      guard rest.count >= end.count, rest.suffix(end.count).elementsEqual(end) else {
        throw Refusal(.malformed, "the end marker is missing")
      }
      rest = trimmed(rest.dropLast(end.count))
    }
    return try Line(rest, partCount: partCount)
  }

  private func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isSpace(_ byte: UInt8) -> Bool {
      byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }
    let front = text.drop(while: isSpace)
    guard let last = front.lastIndex(where: { !isSpace($0) }) else { return [] }
    return front[...last]
  }
}

/// The parts of a file, as they are written and as they are meant.
struct Line: Sendable {
  /// The parts in base 64.
  let texts: [[UInt8]]
  /// The bytes of the parts.
  let parts: [[UInt8]]

  fileprivate init(_ line: ArraySlice<UInt8>, partCount: Int) throws(Refusal) {
    let pieces = line.split(
      separator: UInt8(ascii: "."),
      maxSplits: partCount,
      omittingEmptySubsequences: false
    )
    guard pieces.count == partCount else {
      throw Refusal(.malformed, "not of \(partCount) parts with a dot between them")
    }
    var parts: [[UInt8]] = []
    for piece in pieces {
      guard !piece.isEmpty, let bytes = piece.withUnsafeBytes({ Base64.decode($0) }) else {
        throw Refusal(.malformed, "a part is not base 64 in its exact form")
      }
      parts.append(bytes)
    }
    texts = pieces.map { Array($0) }
    self.parts = parts
  }

  /// Base 64, as bytes.
  static func encoded(_ bytes: [UInt8]) -> [UInt8] {
    Base64.ascii(bytes)
  }
}
