/// A first-in, first-out queue whose storage is kept, so that a steady flow allocates nothing.
struct FIFO<Element> {
  private var ring: [Element?] = []
  private var head = 0
  /// How many elements wait.
  private(set) var count = 0

  /// Whether nothing waits.
  var isEmpty: Bool { count == 0 }

  /// The element that has waited longest.
  var first: Element? { count == 0 ? nil : ring[head] }

  /// Adds an element at the end.
  mutating func append(_ element: Element) {
    if count == ring.count { grow() }
    ring[(head + count) & (ring.count - 1)] = element
    count += 1
  }

  /// Takes the element that has waited longest.
  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = ring[head]
    ring[head] = nil
    head = (head + 1) & (ring.count - 1)
    count -= 1
    return element
  }

  /// Takes everything, in order.
  mutating func removeAll() -> [Element] {
    var all: [Element] = []
    all.reserveCapacity(count)
    while let element = popFirst() { all.append(element) }
    return all
  }

  /// Doubles the storage, which is always a power of two.
  private mutating func grow() {
    var larger: [Element?] = Array(repeating: nil, count: max(16, ring.count * 2))
    for offset in 0..<count { larger[offset] = ring[(head + offset) & (ring.count - 1)] }
    ring = larger
    head = 0
  }
}
