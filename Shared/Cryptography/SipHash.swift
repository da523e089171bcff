private import CSodium

/// SipHash-2-4 under a random key of its own: for tables in memory whose keys come from outside.
///
/// Without the key nobody can make two inputs meet in a table, nor tell an input from its hash. The key dies with the
/// value, so hashes mean nothing in another process.
///
/// Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF"; libsodium `crypto_shorthash`.
public struct SipHash: Sendable {
  private let low: UInt64
  private let high: UInt64

  /// Takes a new key at random.
  public init() {
    self.init(key: SecureRandom.bytes(16))
  }

  /// Takes a key of 16 bytes.
  init(key: [UInt8]) {
    precondition(key.count == Int(crypto_shorthash_KEYBYTES), "a SipHash key has 16 bytes")
    (low, high) = key.withUnsafeBytes { bytes in
      (
        bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      )
    }
  }

  /// The hash of bytes.
  public func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var result: UInt64 = 0
    withUnsafeBytes(of: (low, high)) { key in
      withUnsafeMutableBytes(of: &result) { output in
        guard let output = output.baseAddress, let key = key.baseAddress else { return }
        // It always returns 0. An empty input may have no address.
        crypto_shorthash(
          output.assumingMemoryBound(to: UInt8.self),
          bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
          UInt64(bytes.count),
          key.assumingMemoryBound(to: UInt8.self)
        )
      }
    }
    return result
  }
}
