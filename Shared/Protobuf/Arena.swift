public import CProtobufC
import Glibc
import Synchronization

/// Memory for one message in protobuf-c's form: bytes are handed out one after the other and given back all
/// at once, when the arena goes.
///
/// Every allocation is preceded by its size. That is how the length of an unpacked string is known, which
/// protobuf-c itself forgets: an embedded NUL shows as a string that ends before its allocation does.
///
/// The last arena that went leaves its first block behind for the next one, so that a process which reads and
/// writes one message after the other allocates nothing.
public struct Arena: ~Copyable {
  /// An arena that reads what others sent refuses to grow beyond this.
  ///
  /// RPC accepts messages of 4 MiB. A text of one letter takes 3 bytes there and 24 here, and no message of ours
  /// is made of anything smaller; what needs more is made of empty messages, to do harm.
  public static let untrustedBytesMax = 32 << 20

  /// What the allocator's callbacks work on; it lies at the start of the first block.
  fileprivate struct State {
    var allocator: ProtobufCAllocator
    var cursor: UnsafeMutableRawPointer
    var end: UnsafeMutableRawPointer
    /// Blocks beyond the first, each beginning with a pointer to the one before it.
    var overflow: UnsafeMutableRawPointer?
    /// Bytes that further blocks may still take.
    var remaining: Int
  }

  private let state: UnsafeMutablePointer<State>

  /// Makes an arena that grows to at most `bytesMax` beyond its first block.
  public init(bytesMax: Int = untrustedBytesMax) {
    let block =
      UnsafeMutableRawPointer(bitPattern: spareBlock.exchange(0, ordering: .acquiring))
      ?? malloc(Self.firstBlockBytes).requireMemory()
    state = block.bindMemory(to: State.self, capacity: 1)
    state.initialize(
      to: State(
        allocator: ProtobufCAllocator(
          alloc: allocateCallback,
          free: freeCallback,
          allocator_data: block
        ),
        cursor: block + Self.stateBytes,
        end: block + Self.firstBlockBytes,
        overflow: nil,
        remaining: bytesMax
      )
    )
  }

  deinit {
    var next = state.pointee.overflow
    while let block = next {
      next = block.load(as: UnsafeMutableRawPointer?.self)
      free(block)
    }
    let block = UInt(bitPattern: state)
    free(
      UnsafeMutableRawPointer(
        bitPattern: spareBlock.exchange(block, ordering: .acquiringAndReleasing)
      )
    )
  }

  /// The arena as protobuf-c takes it; valid as long as the arena.
  public var allocator: UnsafeMutablePointer<ProtobufCAllocator> {
    UnsafeMutableRawPointer(state).assumingMemoryBound(to: ProtobufCAllocator.self)
  }

  /// Takes uninitialised memory, aligned for any field of a message; nil when the arena may not grow so far.
  public func allocate(bytes: Int) -> UnsafeMutableRawPointer? {
    state.allocate(bytes)
  }

  /// How many bytes an allocation of any arena has.
  static func size(of allocation: UnsafeRawPointer) -> Int {
    allocation.load(fromByteOffset: -prefixBytes, as: Int.self)
  }

  /// Large enough for nearly all messages: a license with its machines is a few kilobytes.
  fileprivate static let firstBlockBytes = 64 << 10
  /// Further blocks are at least this large, so that a large message takes few of them.
  fileprivate static let nextBlockBytes = 256 << 10
  fileprivate static let stateBytes = 64
  fileprivate static let prefixBytes = 8
}

/// The address of the first block of an arena that has gone; 0 when there is none.
private let spareBlock = Atomic<UInt>(0)

private let allocateCallback:
  @convention(c) (UnsafeMutableRawPointer?, Int) -> UnsafeMutableRawPointer? = { data, size in
    data?.assumingMemoryBound(to: Arena.State.self).allocate(size)
  }

/// Nothing is freed one by one.
private let freeCallback:
  @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void = { _, _ in }

extension UnsafeMutablePointer<Arena.State> {
  @inline(__always)
  fileprivate func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    // A size that overflows here would be larger than any limit; `size` comes from lengths that were checked
    // against the message's own size.
    let needed = Arena.prefixBytes + (size + 7) & ~7
    if pointee.end - pointee.cursor < needed {
      guard addBlock(for: needed) else { return nil }
    }
    let prefix = pointee.cursor
    pointee.cursor += needed
    prefix.storeBytes(of: size, as: Int.self)
    return prefix + Arena.prefixBytes
  }

  private func addBlock(for needed: Int) -> Bool {
    let linkBytes = MemoryLayout<UnsafeMutableRawPointer?>.stride
    let bytes = Swift.max(Arena.nextBlockBytes, needed + linkBytes)
    guard bytes <= pointee.remaining, let block = malloc(bytes) else { return false }
    block.storeBytes(of: pointee.overflow, as: UnsafeMutableRawPointer?.self)
    pointee.overflow = block
    pointee.remaining -= bytes
    pointee.cursor = block + linkBytes
    pointee.end = block + bytes
    return true
  }
}

extension UnsafeMutableRawPointer? {
  fileprivate func requireMemory() -> UnsafeMutableRawPointer {
    guard let self else { fatalError("out of memory") }
    return self
  }
}
