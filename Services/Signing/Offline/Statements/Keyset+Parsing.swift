public import Cryptography

extension Keyset {
  /// Reads a statement about keys and checks that one given key signed it.
  ///
  /// - Parameters:
  ///   - text: The statement, with or without its markers.
  ///   - kind: Which of the two statements it must be.
  ///   - key: The root for a succession, the active key for a keyset.
  /// - Throws: ``Refusal`` ``Verdict/malformed``, ``Verdict/unsupportedVersion`` or ``Verdict/invalidSignature``.
  public init(
    parsing text: [UInt8],
    as kind: Kind,
    signedBy key: Ed25519PublicKey
  ) throws(Refusal) {
    let statement = try Statement(parsing: text, as: kind.statement)
    guard statement.isSigned(by: key) else {
      throw Refusal(.invalidSignature, "it was changed, or another key than \(key.id) signed it")
    }
    try self.init(statement)
  }
}
