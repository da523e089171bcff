/// A first-in, first-out queue whose storage is kept, so that a steady flow allocates nothing.
@usableFromInline
struct FIFO<Element> {
  @usableFromInline var ring: [Element?] = []
  @usableFromInline var head = 0
  /// How many elements wait.
  @usableFromInline var count = 0

  @inlinable init() {}

  /// Whether nothing waits.
  @inlinable var isEmpty: Bool { count == 0 }

  /// The element that has waited longest.
  @inlinable var first: Element? { count == 0 ? nil : ring[head] }

  /// Adds an element at the end.
  @inlinable mutating func append(_ element: Element) {
    if count == ring.count { grow() }
    ring[(head + count) & (ring.count - 1)] = element
    count += 1
  }

  /// Takes the element that has waited longest.
  @inlinable mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = ring[head]
    ring[head] = nil
    head = (head + 1) & (ring.count - 1)
    count -= 1
    return element
  }

  /// Takes everything, in order.
  @inlinable mutating func removeAll() -> [Element] {
    var all: [Element] = []
    all.reserveCapacity(count)
    while let element = popFirst() { all.append(element) }
    return all
  }

  /// Doubles the storage, which is always a power of two.
  @inlinable mutating func grow() {
    var larger: [Element?] = Array(repeating: nil, count: max(16, ring.count * 2))
    for offset in 0..<count { larger[offset] = ring[(head + offset) & (ring.count - 1)] }
    ring = larger
    head = 0
  }
}
