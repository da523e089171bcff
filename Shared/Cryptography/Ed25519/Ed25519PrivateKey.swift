private import CSodium

/// An Ed25519 key pair, whose private half lies in memory of its own and never leaves it but as the seed.
///
/// Source: RFC 8032, section 5.1; libsodium `crypto_sign_detached`.
public final class Ed25519PrivateKey: Sendable {
  /// The half that everybody may have.
  public let publicKey: Ed25519PublicKey
  /// libsodium's secret key: the seed and the public key.
  private let secret: SecretBytes

  /// The number of bytes of a seed, from which the whole key comes.
  public static let seedByteCount = 32

  /// Makes the key that belongs to a seed of ``seedByteCount`` bytes; the caller's copy may be wiped.
  public init(seed: SecretBytes) {
    precondition(seed.count == Self.seedByteCount, "a seed has 32 bytes")
    Sodium.prepare()
    var publicBytes = [UInt8](repeating: 0, count: Ed25519PublicKey.byteCount)
    secret = SecretBytes(count: Int(crypto_sign_SECRETKEYBYTES)) { secret in
      seed.withUnsafeBytes { seed in
        guard let secret = secret.bindMemory(to: UInt8.self).baseAddress,
          let seed = seed.bindMemory(to: UInt8.self).baseAddress
        else { preconditionFailure("secrets have memory") }
        // Returns 0 always.
        _ = crypto_sign_seed_keypair(&publicBytes, secret, seed)
      }
    }
    guard let publicKey = Ed25519PublicKey(bytes: publicBytes) else {
      preconditionFailure("libsodium made a key that it does not accept")
    }
    self.publicKey = publicKey
  }

  /// Makes a new key at random.
  public static func generate() -> Ed25519PrivateKey {
    Ed25519PrivateKey(seed: .random(count: seedByteCount))
  }

  /// The seed, for whoever seals it or hands it out once.
  public var seed: SecretBytes {
    SecretBytes(count: Self.seedByteCount) { seed in
      secret.withUnsafeBytes {
        seed.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<Self.seedByteCount]))
      }
    }
  }

  /// Signs exactly these bytes.
  ///
  /// - Returns: 64 bytes, the same for the same message each time.
  public func sign(_ message: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Ed25519PublicKey.signatureByteCount) { buffer, count in
      secret.withUnsafeBytes { secret in
        guard let secret = secret.bindMemory(to: UInt8.self).baseAddress,
          let signature = buffer.baseAddress
        else { preconditionFailure("secrets and arrays have memory") }
        // Returns 0 always.
        _ = crypto_sign_detached(signature, nil, message, UInt64(message.count), secret)
      }
      count = Ed25519PublicKey.signatureByteCount
    }
  }
}

extension Ed25519PrivateKey: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The public key's name only.
  public var description: String { "Ed25519PrivateKey(\(publicKey.id), redacted)" }

  /// The same as ``description``.
  public var debugDescription: String { description }

  /// Shows no children, so that `dump` prints no secret.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
