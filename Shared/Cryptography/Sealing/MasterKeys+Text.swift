internal import Faults
internal import Primitives

/// The text form of master keys, one statement a line:
///
///     # Latchkey master keys. Whoever reads this file can open every secret in the database; ...
///     latchkey-master-keys 1
///     active 2
///     key 1 0f1e...   (64 hexadecimal digits)
///     key 2 8a9b...
///
/// The first statement is the version of this format. Empty lines and lines that begin with `#` mean
/// nothing. It is not JSON so that it can be read straight from wiped memory, without the copies of
/// the keys that a general parser leaves on the heap.
extension MasterKeys {
  /// The largest accepted file: ``versionsMax`` lines of at most 80 bytes, and ample comments.
  static let textBytesMax = 16_384

  private static let header = "latchkey-master-keys 1"
  private static let comment = """
    # Latchkey master keys. Whoever reads this file can open every secret in the database, and
    # without it no one can: keep a copy apart from the database's backups.
    """

  /// Reads the text form.
  ///
  /// - Parameters:
  ///   - text: The bytes of a file; anything out of form is refused, down to a repeated space.
  ///   - source: The file's name, for the fault.
  /// - Throws: ``Fault`` `failedPrecondition` that names file and line, never the content.
  init(text: UnsafeRawBufferPointer, source: String) throws(Fault) {
    var reader = MasterKeysReader(source: source)
    var number = 0
    for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      guard let first = line.first, first != UInt8(ascii: "#") else { continue }
      let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      try reader.read(words.map { UnsafeRawBufferPointer(rebasing: $0) }, line: number)
    }
    self = try reader.finish()
  }

  /// Writes the text form.
  func text() -> SecretBytes {
    let head = "\(Self.comment)\n\(Self.header)\nactive \(activeVersion)\n"
    var text = Array(head.utf8)
    // Reserved in full, so that growing leaves no copy of a key behind.
    text.reserveCapacity(head.utf8.count + versions.count * 80)
    for version in versions {
      text += Array("key \(version) ".utf8)
      key(version: version)?.withUnsafeBytes { key in
        for byte in key {
          text.append(Hex.digit(byte >> 4))
          text.append(Hex.digit(byte))
        }
      }
      text.append(UInt8(ascii: "\n"))
    }
    return SecretBytes(wiping: &text)
  }

  /// Whether the words are the statement that begins the file.
  fileprivate static func isHeader(_ words: [UnsafeRawBufferPointer]) -> Bool {
    words.map { String(decoding: $0, as: UTF8.self) }
      == header.split(separator: " ").map(String.init)
  }
}

/// Collects the statements of a file, and refuses what is out of form.
private struct MasterKeysReader {
  let source: String
  private var hasHeader = false
  private var active: UInt32?
  private var keys: [UInt32: SecretBytes] = [:]

  init(source: String) {
    self.source = source
  }

  mutating func read(_ words: [UnsafeRawBufferPointer], line: Int) throws(Fault) {
    guard hasHeader else {
      guard MasterKeys.isHeader(words) else {
        throw fault(line, "this is not a file of master keys, or of a later format")
      }
      hasHeader = true
      return
    }
    if words.count == 2, words[0].elementsEqual("active".utf8) {
      guard active == nil else { throw fault(line, "a second active version") }
      active = try version(words[1], line: line)
    } else if words.count == 3, words[0].elementsEqual("key".utf8) {
      try addKey(version: try version(words[1], line: line), digits: words[2], line: line)
    } else {
      throw fault(line, "expected \"active VERSION\" or \"key VERSION DIGITS\"")
    }
  }

  private mutating func addKey(
    version: UInt32,
    digits: UnsafeRawBufferPointer,
    line: Int
  ) throws(Fault) {
    guard keys.count < MasterKeys.versionsMax else { throw fault(line, "too many keys") }
    guard keys[version] == nil else { throw fault(line, "a second key of this version") }
    guard digits.count == AESGCM.keyByteCount * 2, var bytes = Hex.decode(digits) else {
      throw fault(line, "a key has exactly 64 hexadecimal digits")
    }
    let key = SecretBytes(wiping: &bytes)
    guard !keys.values.contains(where: { $0.equals(key) }) else {
      throw fault(line, "the same key under two versions")
    }
    keys[version] = key
  }

  /// A version is a decimal number from 1 up, without leading zeros.
  private func version(_ word: UnsafeRawBufferPointer, line: Int) throws(Fault) -> UInt32 {
    let text = String(decoding: word, as: UTF8.self)
    guard let version = UInt32(text), version > 0, String(version) == text else {
      throw fault(line, "a version is a number from 1 to \(UInt32.max)")
    }
    return version
  }

  func finish() throws(Fault) -> MasterKeys {
    guard hasHeader, let active, keys[active] != nil else {
      throw Fault(
        .failedPrecondition,
        "Master key file \(source): no active version with its key"
      )
    }
    return MasterKeys(activeVersion: active, keys: keys)
  }

  private func fault(_ line: Int, _ problem: String) -> Fault {
    Fault(.failedPrecondition, "Master key file \(source), line \(line): \(problem)")
  }
}
