private import COpenSSL
private import Synchronization

/// SHA-256.
///
/// Source: FIPS 180-4.
public enum SHA256 {
  /// The number of bytes of a hash.
  public static let byteCount = 32

  /// Hashes bytes.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { hash($0) }
  }

  /// Hashes the UTF-8 bytes of a text.
  public static func hash(_ text: String) -> [UInt8] {
    var text = text
    return text.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
  }

  /// Hashes bytes.
  public static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      hash(bytes, into: buffer)
      count = byteCount
    }
  }

  /// Writes the hash of bytes to memory that has room for it.
  static func hash(
    _ bytes: UnsafeRawBufferPointer,
    into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    precondition(output.count >= byteCount, "A hash has \(byteCount) bytes")
    context.withLock { $0.hash(bytes, into: output) }
  }

  /// One context for the whole process: making one takes longer than hashing a key, and the lock is
  /// never contended where one thread does the work.
  private static let context = Mutex(DigestContext())
}

/// Owns an OpenSSL digest context that has SHA-256 ready for any number of messages.
///
/// `@unchecked Sendable`: it has one owner, and every use is exclusive (`mutating`).
private struct DigestContext: ~Copyable, @unchecked Sendable {
  private let context: OpaquePointer

  init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, EVP_sha256(), nil) == 1
    else { preconditionFailure("OpenSSL has no SHA-256") }
    self.context = context
  }

  deinit {
    EVP_MD_CTX_free(context)
  }

  /// Hashes a message, and leaves the context as it found it.
  mutating func hash(
    _ bytes: UnsafeRawBufferPointer,
    into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    // Each returns 1, or 0 when memory runs out inside the provider.
    let isDone =
      EVP_DigestInit_ex2(context, nil, nil) == 1
      && EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
      && EVP_DigestFinal_ex(context, output.baseAddress, nil) == 1
    precondition(isDone, "OpenSSL could not hash")
  }
}
