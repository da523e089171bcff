internal import Glibc

/// Memory for one message that is being built: handed out in pieces, freed at once.
///
/// What a request may need is bounded before it is built (``JSONLimits`` and the size of its text).
struct BuildArena: ~Copyable {
  /// The first block; a request like validate-key fits.
  private static let blockBytes = 2_048

  private var blocks: [UnsafeMutableRawPointer] = []
  private var next: UnsafeMutableRawPointer?
  private var left = 0

  deinit { for block in blocks { free(block) } }

  /// Hands out zeroed memory, aligned for any value a message has.
  mutating func allocate(bytes count: Int) -> UnsafeMutableRawPointer {
    let rounded = (count + 7) & ~7
    if let next, rounded <= left {
      self.next = next + rounded
      left -= rounded
      return next
    }
    let size = max(rounded, Self.blockBytes)
    guard let block = calloc(1, size) else {
      fatalError("Out of memory for a message of \(size) bytes.")
    }
    blocks.append(block)
    // A piece larger than a block gets its own; the current block goes on being used.
    guard rounded < Self.blockBytes else { return block }
    next = block + rounded
    left = size - rounded
    return block
  }

  /// Copies a string and ends it with NUL, as C reads it.
  mutating func string(_ utf8: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer {
    let copy = allocate(bytes: utf8.count + 1)
    if let base = utf8.baseAddress { copy.copyMemory(from: base, byteCount: utf8.count) }
    return copy
  }
}
