internal import Cryptography

/// What a machine without a network sends: a JSON body, and a proof that its maker has the license key.
///
/// The proof is an HMAC over the kind and the body's base 64, under a key that only the license key leads to.
struct ProvedDocument {
  enum Kind: String, CaseIterable {
    case request
    case release

    var armor: Armor {
      switch self {
      case .request: Armor(label: "LATCHKEY LICENSE REQUEST", partCount: 2)
      case .release: Armor(label: "LATCHKEY DEACTIVATION RECEIPT", partCount: 2)
      }
    }

    fileprivate var purpose: StaticString {
      switch self {
      case .request: "latchkey license request 1"
      case .release: "latchkey deactivation receipt 1"
      }
    }
  }

  let kind: Kind
  let fields: Fields
  private let line: Line

  init(parsing text: [UInt8], as kind: Kind) throws(Refusal) {
    self.kind = kind
    line = try kind.armor.parse(text)
    guard line.parts[1].count == HMACSHA256.byteCount else {
      throw Refusal(.malformed, "the proof does not have 32 bytes")
    }
    fields = try Fields(line.parts[0])
    try fields.checkVersion()
    guard try fields.text("type", bytes: 1...64) == kind.rawValue else {
      throw Refusal(.malformed, "not of the type \(kind.rawValue)")
    }
  }

  /// Whether whoever made the document had the license key.
  func isProved(by secret: FileSecret) -> Bool {
    secret.proof(for: kind.purpose)
      .isValid(line.parts[1], for: Self.bytesToProve(kind, body: line.texts[0]))
  }

  /// Makes a document.
  ///
  /// - Parameters:
  ///   - kind: The kind.
  ///   - secret: From the license key.
  ///   - body: Writes the fields of the kind.
  /// - Returns: The document with its proof.
  static func make(
    _ kind: Kind,
    provedBy secret: FileSecret,
    _ body: (inout JSONWriter) -> Void
  ) -> SignedDocument {
    let json = JSONWriter.object { writer in
      writer.member("version", 1)
      writer.member("type", kind.rawValue)
      body(&writer)
    }
    let text = Line.encoded(json)
    let proof = secret.proof(for: kind.purpose).authenticate(bytesToProve(kind, body: text))
    return SignedDocument(lastPart: proof, after: text, armor: kind.armor)
  }

  private static func bytesToProve(_ kind: Kind, body: [UInt8]) -> [UInt8] {
    Array("latchkey-\(kind.rawValue)-1:".utf8) + body
  }
}
