internal import Cryptography
internal import EventLoop
internal import Faults
internal import Primitives
internal import Sealing

/// The private halves of signing keys, opened when they are first used.
@EventLoop
final class PrivateKeys {
  /// How many are kept open; one takes a few pages of locked memory.
  private static let keysMax = 1_000

  private struct Opened {
    let sealedSeed: [UInt8]
    let key: Ed25519PrivateKey
  }

  private let dataKeys: DataKeyStore
  private var opened: [UUID: Opened] = [:]

  init(dataKeys: DataKeyStore) { self.dataKeys = dataKeys }

  /// Makes a key for a tenant, with its seed sealed.
  ///
  /// - Parameters:
  ///   - tenant: Whose it is.
  ///   - activatesAt: When it signs first, if that is known.
  ///   - dataKey: What seals it, committed already.
  ///   - now: The time.
  /// - Returns: The key as it is to be stored.
  static func make(
    for tenant: Tenant,
    activatesAt: Timestamp?,
    sealedBy dataKey: DataKey,
    at now: Timestamp
  ) -> StoredKey {
    let key = Ed25519PrivateKey.generate()
    let id = UUID.v7(at: now)
    return StoredKey(
      id: id,
      publicKey: key.publicKey,
      sealedSeed: dataKey.seal(key.seed, in: StoredKey.place(of: id, tenant)),
      createdAt: now,
      activatesAt: activatesAt
    )
  }

  /// The private half of a stored key.
  ///
  /// - Throws: ``Fault`` `dataLoss` when what is stored is not this key's.
  func open(_ key: StoredKey.Sealed, of tenant: Tenant) async throws(Fault) -> Ed25519PrivateKey {
    guard let sealed = key.seed else {
      throw .internalError("A key that signs no more was to sign")
    }
    // What is sealed anew is another value, so a key that was opened before is never taken for a later one.
    if let known = opened[key.id], known.sealedSeed == sealed { return known.key }
    let version = DataKey.version(ofSealed: sealed) ?? 0
    let dataKey = try await dataKeys.key(of: tenant, version: version)
    var seed = try dataKey.open(sealed, in: StoredKey.place(of: key.id, tenant))
    let privateKey = Ed25519PrivateKey(seed: SecretBytes(wiping: &seed))
    guard privateKey.publicKey.bytes == key.publicKey else {
      throw Fault(
        .dataLoss,
        "Stored data could not be read",
        reason: .internalError,
        detail: "signing key \(key.id) is not the public key's other half"
      )
    }
    if opened.count >= Self.keysMax { opened.removeAll() }
    opened[key.id] = Opened(sealedSeed: sealed, key: privateKey)
    return privateKey
  }
}
