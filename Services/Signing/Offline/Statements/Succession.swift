public import Cryptography

/// Signing a succession where the root is, away from every server.
public enum Succession {
  private static let prefix = "latchkey-succession-1:"

  /// Signs what the server proposes, if it is a succession of this root and nothing else.
  ///
  /// - Parameters:
  ///   - proposed: The text to sign as the server gives it (`GET /api/v1/signing-root/succession`, member `unsigned`).
  ///   - root: The root.
  /// - Returns: The statement with its markers, for `POST /api/v1/signing-root/succession`.
  /// - Throws: ``Refusal`` ``Verdict/malformed`` or ``Verdict/unsupportedVersion`` when the text is no succession;
  ///   ``Verdict/unknownKey`` when it is another root's.
  public static func sign(_ proposed: String, by root: Ed25519PrivateKey) throws(Refusal) -> String
  {
    let trimmed = proposed.trimmingWhiteSpace()
    guard trimmed.hasPrefix(prefix) else {
      throw Refusal(.malformed, "what is to be signed begins with \(prefix)")
    }
    let toSign = Array(trimmed.utf8)
    let document = UnsignedDocument(
      bytesToSign: toSign,
      line: Array(toSign.dropFirst(prefix.utf8.count)),
      armor: Statement.Kind.succession.armor
    )
    let signed = document.signed(by: root.sign(toSign)).text
    // Read as every verifier will: this also finds what names another root, or is no succession at all.
    let statement = try Statement(parsing: Array(signed.utf8), as: .succession)
    guard statement.keyID == root.publicKey.id else {
      throw Refusal(.unknownKey, "it is for the root \(statement.keyID), and this is another one")
    }
    _ = try Keyset(statement)
    return signed
  }
}

extension String {
  fileprivate func trimmingWhiteSpace() -> String {
    let body = drop { $0.isWhitespace }
    guard let last = body.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(body[...last])
  }
}
