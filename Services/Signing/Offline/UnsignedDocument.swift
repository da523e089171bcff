internal import Cryptography

/// A document of ours before it is signed: whoever holds the key signs ``bytesToSign``, wherever and however, and
/// ``signed(by:)`` makes the document.
public struct UnsignedDocument: Sendable {
  /// Exactly what the signature is made over.
  public let bytesToSign: [UInt8]
  private let armor: Armor
  /// The line but for its last part.
  private let line: [UInt8]

  init(bytesToSign: [UInt8], line: [UInt8], armor: Armor) {
    self.bytesToSign = bytesToSign
    self.line = line
    self.armor = armor
  }

  /// The finished document, with the Ed25519 signature of ``bytesToSign``, 64 bytes.
  public func signed(by signature: [UInt8]) -> SignedDocument {
    precondition(signature.count == Ed25519PublicKey.signatureByteCount, "a signature has 64 bytes")
    return SignedDocument(lastPart: signature, after: line, armor: armor)
  }
}

/// A finished document: signed, or proved by the possession of a license key.
public struct SignedDocument: Sendable, Equatable {
  /// The document on one line, as other documents carry it.
  public var line: String { String(decoding: start + [UInt8(ascii: ".")] + last, as: UTF8.self) }
  /// The document as a file: with its markers, without a line break at its end.
  public var text: String { armor.text(start, last: last) }

  /// The line but for its last part.
  private let start: [UInt8]
  private let last: [UInt8]
  private let armor: Armor

  init(lastPart: [UInt8], after start: [UInt8], armor: Armor) {
    self.start = start
    last = Line.encoded(lastPart)
    self.armor = armor
  }
}
