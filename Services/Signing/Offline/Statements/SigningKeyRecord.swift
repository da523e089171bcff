public import Cryptography
public import Primitives

/// A signing key as statements publish it.
public struct SigningKeyRecord: Sendable, Equatable {
  /// What a key may be used for.
  ///
  /// The raw values are those on the wire.
  public enum State: String, Sendable, CaseIterable {
    /// Published before its use: it signs nothing yet, and what it will sign is accepted already.
    case next
    /// Signs.
    case active
    /// Signs no more; what it signed until it was retired is accepted until it expires.
    case retired
    /// Withdrawn, as a stolen key must be: nothing it ever signed is accepted.
    case revoked
  }

  /// The key; its name follows from it.
  public var publicKey: Ed25519PublicKey
  /// What it may be used for.
  public var state: State
  /// When the key was made; it signed nothing that was issued earlier.
  public var notBefore: Timestamp
  /// When it stopped signing: there when it is retired or revoked, else nil.
  public var retiredAt: Timestamp?

  /// Makes a record.
  public init(
    publicKey: Ed25519PublicKey,
    state: State,
    notBefore: Timestamp,
    retiredAt: Timestamp? = nil
  ) {
    self.publicKey = publicKey
    self.state = state
    self.notBefore = notBefore
    self.retiredAt = retiredAt
  }

  init(_ fields: Fields) throws(Refusal) {
    publicKey = try fields.publicKey("publicKey")
    guard try fields.keyID("keyId") == publicKey.id else {
      throw fields.wrong("keyId", "the name that follows from publicKey")
    }
    guard let state = State(rawValue: try fields.text("state", bytes: 1...64)) else {
      throw fields.wrong("state", "next, active, retired or revoked")
    }
    self.state = state
    notBefore = try fields.moment("notBefore")
    retiredAt = try fields.optional("retiredAt") { fields, name throws(Refusal) in
      try fields.moment(name)
    }
    guard (retiredAt != nil) == (state == .retired || state == .revoked) else {
      throw fields.wrong("retiredAt", "there for retired and revoked keys and for no others")
    }
  }

  func write(to writer: inout JSONWriter) {
    writer.member("keyId", publicKey.id)
    writer.member("publicKey", publicKey.text)
    writer.member("state", state.rawValue)
    writer.member("notBefore", notBefore)
    writer.member("retiredAt", retiredAt)
  }
}
