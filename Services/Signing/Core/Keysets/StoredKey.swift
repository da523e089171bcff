internal import Cryptography
internal import LatchkeyOffline
internal import Messages
internal import Primitives
internal import Sealing

/// A signing key as the database keeps it.
struct StoredKey: Equatable, Sendable {
  var id: UUID
  var publicKey: Ed25519PublicKey
  /// What the private half comes from, sealed; nil once the key signs no more.
  var sealedSeed: [UInt8]?
  var createdAt: Timestamp
  /// When it signs first; nil for a next key while no rotation is due.
  var activatesAt: Timestamp?
  /// When it stops to sign.
  var retiredAt: Timestamp?
  /// When it was withdrawn.
  var revokedAt: Timestamp?

  /// What a private half is opened from, as it was stored.
  ///
  /// The public half is no key yet: that it is one shows when the private half leads to it, and to see to it before takes longer
  /// than a signature.
  struct Sealed: Sendable {
    var id: UUID
    /// The name in files and statements.
    var keyID: String
    /// 32 bytes.
    var publicKey: [UInt8]
    /// Nil once the key signs no more.
    var seed: [UInt8]?
  }

  /// What the private half is opened from.
  var sealed: Sealed {
    Sealed(id: id, keyID: publicKey.id, publicKey: publicKey.bytes, seed: sealedSeed)
  }

  /// What the key is used for at a moment.
  func state(at now: Timestamp) -> SigningKey.State {
    if revokedAt != nil { return .revoked }
    if let retiredAt, retiredAt <= now { return .retired }
    if let activatesAt, activatesAt <= now { return .active }
    return .next
  }

  /// The key as statements name it.
  func published(at now: Timestamp) -> SigningKeyRecord {
    let state: SigningKeyRecord.State =
      switch state(at: now) {
      case .next: .next
      case .active: .active
      case .retired: .retired
      case .revoked: .revoked
      }
    let end = [retiredAt, revokedAt].compactMap(\.self).min()
    return SigningKeyRecord(
      publicKey: publicKey,
      state: state,
      notBefore: createdAt,
      retiredAt: state == .retired || state == .revoked ? end : nil
    )
  }

  /// The key as REST shows it.
  func message(at now: Timestamp, liveFiles: Int64 = 0, inSuccession: Bool = false) -> SigningKey {
    SigningKey(
      id: id.description,
      keyId: publicKey.id,
      publicKey: publicKey.text,
      state: state(at: now),
      activatesAt: activatesAt?.milliseconds,
      retiredAt: retiredAt?.milliseconds,
      revokedAt: revokedAt?.milliseconds,
      liveFiles: liveFiles,
      inSuccession: inSuccession,
      createdAt: createdAt.milliseconds
    )
  }

  /// Where the seed of a key is kept, which it is bound to.
  static func place(of id: UUID, _ tenant: Tenant) -> SealingContext {
    Signing.sealedKeys.place("sealed_seed", row: id, account: tenant.accountID)
  }
}
