internal import Cryptography
internal import Primitives

/// What all statements about keys and files have in common: a JSON body, its kind, its place, its number, its signer.
///
/// A statement is signed over its kind and its body's base 64. No such text contains a dot, and what a license file is
/// signed over contains one, so neither can be shown in place of the other though one key signs both.
struct Statement {
  enum Kind: String, CaseIterable {
    case keyset
    case succession
    case revocations

    var armor: Armor {
      switch self {
      case .keyset: Armor(label: "LATCHKEY KEYSET", partCount: 2)
      case .succession: Armor(label: "LATCHKEY SUCCESSION", partCount: 2)
      case .revocations: Armor(label: "LATCHKEY REVOCATIONS", partCount: 2)
      }
    }
  }

  let kind: Kind
  /// The name of the key that signed it, as the statement says.
  let keyID: String
  let accountID: UUID
  let environment: Environment
  let number: Int64
  let issuedAt: Timestamp
  /// The whole body, for what the kind has in addition.
  let fields: Fields
  private let line: Line

  init(parsing text: [UInt8], as kind: Kind) throws(Refusal) {
    self.kind = kind
    line = try kind.armor.parse(text)
    guard line.parts[1].count == Ed25519PublicKey.signatureByteCount else {
      throw Refusal(.malformed, "the signature does not have 64 bytes")
    }
    fields = try Fields(line.parts[0])
    try fields.checkVersion()
    guard try fields.text("type", bytes: 1...64) == kind.rawValue else {
      throw Refusal(.malformed, "not of the type \(kind.rawValue)")
    }
    keyID = try fields.keyID("keyId")
    accountID = try fields.id("accountId")
    environment = try fields.environment("environment")
    number = try fields.integer("number", in: 1...Fields.integerMax)
    issuedAt = try fields.moment("issuedAt")
  }

  /// Whether a key signed exactly this statement.
  func isSigned(by key: Ed25519PublicKey) -> Bool {
    keyID == key.id
      && key.isValid(line.parts[1], for: Self.bytesToSign(kind, body: line.texts[0]))
  }

  /// Makes a statement that is to be signed; `body` writes what its kind has in addition.
  static func unsigned(
    _ kind: Kind,
    keyID: String,
    accountID: UUID,
    environment: Environment,
    number: Int64,
    issuedAt: Timestamp,
    _ body: (inout JSONWriter) -> Void
  ) -> UnsignedDocument {
    let json = JSONWriter.object { writer in
      writer.member("version", 1)
      writer.member("type", kind.rawValue)
      writer.member("algorithm", "Ed25519")
      writer.member("keyId", keyID)
      writer.member("accountId", accountID)
      writer.member("environment", environment.rawValue)
      writer.member("number", number)
      writer.member("issuedAt", issuedAt)
      body(&writer)
    }
    let text = Line.encoded(json)
    return UnsignedDocument(
      bytesToSign: bytesToSign(kind, body: text),
      line: text,
      armor: kind.armor
    )
  }

  private static func bytesToSign(_ kind: Kind, body: [UInt8]) -> [UInt8] {
    Array("latchkey-\(kind.rawValue)-1:".utf8) + body
  }
}
