private import CSodium

/// Random bytes for keys, secrets and nonces, from the kernel's generator.
///
/// Source: libsodium `randombytes_buf`, on Linux `getrandom(2)`.
public enum SecureRandom {
  /// Makes random bytes.
  public static func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      fill(UnsafeMutableRawBufferPointer(buffer))
      initialized = count
    }
  }

  /// Fills memory with random bytes.
  public static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    guard let base = buffer.baseAddress else { return }
    Sodium.prepare()
    randombytes_buf(base, buffer.count)
  }
}
