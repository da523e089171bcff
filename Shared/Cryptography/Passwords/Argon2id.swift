private import CSodium
private import Primitives

/// Argon2id, which makes trying passwords expensive in time and in memory.
///
/// Each call takes as long as its cost says, so call it off the event loop.
/// Source: RFC 9106; libsodium `crypto_pwhash_str`.
public enum Argon2id {
  /// What one hash costs.
  public struct Cost: Sendable, Equatable {
    /// How often the memory is gone through, at least once.
    public var passes: Int
    /// How much memory is filled, in KiB, at least 8.
    public var memoryKiB: Int

    /// Names a cost.
    public init(passes: Int, memoryKiB: Int) {
      precondition(passes >= 1 && memoryKiB >= 8, "libsodium computes nothing cheaper")
      self.passes = passes
      self.memoryKiB = memoryKiB
    }
  }

  private static let saltByteCount = 16
  private static let hashByteCount = 32

  /// Hashes a password under a new salt.
  ///
  /// - Returns: The hash with salt and cost, as one ASCII text of at most 128 bytes; nil when there is no memory.
  public static func hash(_ password: String, _ cost: Cost) -> String? {
    Sodium.prepare()
    var text = [CChar](repeating: 0, count: crypto_pwhash_strbytes())
    let status = password.withCString { bytes in
      // 0, or -1 when the memory cannot be had.
      crypto_pwhash_str(
        &text,
        bytes,
        UInt64(password.utf8.count),
        UInt64(cost.passes),
        cost.memoryKiB * 1024
      )
    }
    guard status == 0 else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Whether a hash is of a password; the cost is the hash's own.
  public static func verify(_ password: String, against hash: String) -> Bool {
    Sodium.prepare()
    guard hash.utf8.count < crypto_pwhash_strbytes() else { return false }
    return password.withCString { bytes in
      // 0, or -1 for another password, a malformed hash, or no memory.
      crypto_pwhash_str_verify(hash, bytes, UInt64(password.utf8.count)) == 0
    }
  }

  /// Whether a hash was made at another cost than this one.
  public static func needsRehash(_ hash: String, _ cost: Cost) -> Bool {
    Sodium.prepare()
    guard hash.utf8.count < crypto_pwhash_strbytes() else { return true }
    // 0 for the same cost, 1 for another one, -1 for a malformed hash.
    return crypto_pwhash_str_needs_rehash(hash, UInt64(cost.passes), cost.memoryKiB * 1024) != 0
  }

  /// A hash that no password has: verifying one against it takes as long as against any other of that cost.
  public static func unmatchable(_ cost: Cost) -> String {
    func random(_ count: Int) -> String {
      Base64.encode(SecureRandom.bytes(count), padding: .absent)
    }
    return "$argon2id$v=19$m=\(cost.memoryKiB),t=\(cost.passes),p=1"
      + "$\(random(saltByteCount))$\(random(hashByteCount))"
  }
}
