private import CSodium

/// Key material in memory of its own: locked into RAM where the system permits it, between guard
/// pages, left out of core dumps, read-only once filled, and wiped when released.
///
/// Each value takes a few pages, so this is for keys that live long, not for each row's secret.
/// Source: libsodium, "Secure memory" (`sodium_malloc`).
///
/// `@unchecked Sendable`: the memory is written by `init` alone, and mapped read-only afterwards.
public final class SecretBytes: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer

  /// Makes memory of the given size and lets `fill` write it.
  ///
  /// - Parameters:
  ///   - count: How many bytes, at least one.
  ///   - fill: Writes all of the bytes; what it leaves out stays zero.
  public init(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
    precondition(count > 0, "a secret has at least one byte")
    Sodium.prepare()
    guard let base = sodium_malloc(count) else { preconditionFailure("out of memory") }
    sodium_memzero(base, count)
    memory = UnsafeMutableRawBufferPointer(start: base, count: count)
    fill(memory)
    // Fails only where the kernel has no mprotect; the memory stays as safe as any other then.
    _ = sodium_mprotect_readonly(base)
  }

  /// Copies bytes and wipes the original.
  public convenience init(wiping bytes: inout [UInt8]) {
    self.init(count: bytes.count) { memory in
      bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
    }
    wipe(&bytes)
  }

  /// Makes random bytes.
  public static func random(count: Int) -> SecretBytes {
    SecretBytes(count: count) { SecureRandom.fill($0) }
  }

  deinit {
    // Wipes before it releases, and makes the memory writable for that.
    sodium_free(memory.baseAddress)
  }

  /// How many bytes there are.
  public var count: Int { memory.count }

  /// Lends the bytes; the pointer is valid only while `body` runs.
  public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(memory))
  }

  /// An ordinary array with the same bytes, for an interface that takes no less; whoever calls this
  /// wipes it.
  public func copy() -> [UInt8] {
    withUnsafeBytes { [UInt8]($0) }
  }

  /// Whether both hold the same bytes, compared in constant time.
  public func equals(_ other: SecretBytes) -> Bool {
    withUnsafeBytes { left in other.withUnsafeBytes { constantTimeEquals(left, $0) } }
  }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The size only.
  public var description: String { "SecretBytes(\(count) bytes, redacted)" }

  /// The same as ``description``.
  public var debugDescription: String { description }

  /// Shows no children, so that `dump` prints no secret.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
