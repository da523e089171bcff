private import Glibc
private import Synchronization

/// Unpredictable numbers for identifiers, from the kernel, fetched in bulk: a system call for each
/// identifier would cost more than all the rest of making it.
///
/// Keys and other secrets come from `Cryptography.SecureRandom` instead.
enum RandomPool {
  /// 2,048 bytes a refill: one system call for every 256 numbers.
  private static let capacity = 256

  private struct Pool {
    var numbers: [UInt64] = []

    mutating func next() -> UInt64 {
      if let number = numbers.popLast() { return number }
      numbers = [UInt64](unsafeUninitializedCapacity: capacity) { buffer, count in
        RandomPool.fill(UnsafeMutableRawBufferPointer(buffer))
        count = capacity
      }
      return numbers.removeLast()
    }
  }

  private static let pool = Mutex(Pool())

  /// One number of 64 random bits.
  static func next() -> UInt64 {
    pool.withLock { $0.next() }
  }

  /// Fills memory from the kernel, in the pieces of 256 bytes that `getentropy` takes at most.
  private static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    var offset = 0
    while offset < buffer.count {
      let size = min(256, buffer.count - offset)
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<offset + size])
      guard let base = piece.baseAddress, getentropy(base, size) == 0 else {
        // Only a kernel without a random source fails here, and going on would make equal ids.
        preconditionFailure("the kernel gave no random bytes (errno \(errno))")
      }
      offset += size
    }
  }
}
