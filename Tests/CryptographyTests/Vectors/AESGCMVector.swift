import Testing

/// A published test of AES-256-GCM, with a tag of 128 bits.
struct AESGCMVector: Sendable, CustomTestStringConvertible {
  /// Its name in the publication.
  var name: String
  /// Whether it must be opened; otherwise it must be refused.
  var isValid: Bool
  /// `key`, `nonce`, `data`, `message`, `ciphertext` and `tag`; what is refused may have no message.
  var parts: [String: [UInt8]] = [:]

  var testDescription: String { name }

  /// What our own format makes of it: nonce, ciphertext and tag.
  var sealed: [UInt8] { self["nonce"] + self["ciphertext"] + self["tag"] }

  subscript(part: String) -> [UInt8] { parts[part] ?? [] }

  /// Reads vectors: a line with the name and `valid` or `invalid`, then a line for each part in hexadecimal, which an
  /// indented line goes on with.
  static func read(_ text: String) -> [AESGCMVector] {
    var vectors: [AESGCMVector] = []
    var part = ""
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if line.hasSuffix("valid") {
        let name = words.dropLast().joined(separator: " ")
        vectors.append(AESGCMVector(name: name, isValid: words.last == "valid"))
      } else {
        if !line.hasPrefix(" ") { part = String(words[0]) }
        let digits = line.hasPrefix(" ") ? words[0] : words.count > 1 ? words[1] : ""
        vectors[vectors.count - 1].parts[part, default: []] += hex(String(digits))
      }
    }
    return vectors
  }
}
