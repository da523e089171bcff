public import EventLoop
public import Faults
public import Tracing

/// Keys in the order of asking, each with everybody who waits for it.
@EventLoop
@usableFromInline
final class Batch<Key: Hashable & Sendable, Value: Sendable> {
  @usableFromInline var keys: [Key] = []
  @usableFromInline var waiterCount = 0
  @usableFromInline var waiters: [BatchWaiter<Value>] = []
  @usableFromInline var positions: [Key: Int] = [:]
  /// Whom of those that wait the query is recorded for: the first, and the others.
  @usableFromInline var spans: [Span] = []

  @inlinable init() {}

  /// Adds a waiter, to the key if it is there already.
  @inlinable func append(_ key: Key, _ waiter: BatchWaiter<Value>) {
    waiterCount += 1
    let position = Self.settle(&positions[key, default: keys.count])
    if position < keys.count {
      waiter.next = waiters[position].next
      waiters[position].next = waiter
      return
    }
    keys.append(key)
    waiters.append(waiter)
  }

  /// Reads a position that is there now, which takes one look for a key that is new and one that is not.
  @inlinable static func settle(_ position: inout Int) -> Int { position }

  /// Answers everybody who waits for a key.
  @inlinable func resume(_ index: Int, _ outcome: Result<Value?, Fault>) {
    var waiter: BatchWaiter<Value>? = waiters[index]
    while let current = waiter {
      current.end(outcome)
      waiter = current.next
    }
  }

  /// Begins to record the query, where somebody who waits is recorded.
  @usableFromInline func beginSpan(_ name: String) -> Span? {
    guard let first = spans.first else { return nil }
    let span = first.child("batch \(name)", .internal)
    span.note("latchkey.batch.keys", keys.count)
    for other in spans.dropFirst() { span.link(other) }
    return span
  }

  /// Empties it and keeps the storage.
  @inlinable func removeAll() {
    keys.removeAll(keepingCapacity: true)
    waiters.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
    spans = []
    waiterCount = 0
  }
}

/// One caller; the others that wait for the same key hang on it.
@EventLoop
@usableFromInline
final class BatchWaiter<Value: Sendable> {
  @usableFromInline var continuation: UnsafeContinuation<Result<Value?, Fault>, Never>?
  /// Called in place of a task that waits.
  @usableFromInline var receive: (@EventLoop (Result<Value?, Fault>) -> Void)?
  @usableFromInline var isOver = false
  @usableFromInline var next: BatchWaiter?

  @inlinable init() {}

  /// Makes the caller wait.
  ///
  /// - Returns: False when the task was cancelled before it came here.
  @inlinable func begin(_ continuation: UnsafeContinuation<Result<Value?, Fault>, Never>) -> Bool {
    if isOver {
      continuation.resume(returning: .failure(.cancelled))
    } else {
      self.continuation = continuation
    }
    return !isOver
  }

  /// Answers the caller, unless it has gone.
  @inlinable func end(_ outcome: Result<Value?, Fault>) {
    isOver = true
    continuation?.resume(returning: outcome)
    continuation = nil
    receive?(outcome)
    receive = nil
  }
}
