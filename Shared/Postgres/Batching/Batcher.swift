public import EventLoop
public import Faults
public import Tracing

/// Gathers the keys that are asked for within one tick of the loop into one query.
///
/// With at most two queries under way, a batch is one key while there is little to do and grows by
/// itself under load: what is asked for while both are busy goes out together when one comes back. So
/// there is no added waiting and no cache: every answer comes from a query that began after the question.
@EventLoop
public final class Batcher<Key: Hashable & Sendable, Value: Sendable> {
  /// Asks for several keys at once; a key without a value is left out of the answer.
  public typealias Fetch = @EventLoop ([Key]) async throws(Fault) -> [Key: Value]

  @usableFromInline let name: String
  @usableFromInline let counts: BatchCounts
  @usableFromInline let keysMax: Int
  @usableFromInline let inFlightMax: Int
  @usableFromInline let waitingMax: Int
  @usableFromInline let fetch: Fetch
  /// Questions that wait, in batches that are full but for the last.
  @usableFromInline var waiting = FIFO<Batch<Key, Value>>()
  /// The batch that is being filled; the last of those that wait.
  @usableFromInline var filling: Batch<Key, Value>?
  /// A batch that is done with, whose storage is used again.
  @usableFromInline var spare: Batch<Key, Value>?
  @usableFromInline var waitingCount = 0
  @usableFromInline var inFlightCount = 0
  @usableFromInline var isMarked = false
  /// Begins queries; a closure of the module that makes the batcher, where all of this is compiled for its types.
  @usableFromInline var endOfTick: EndOfTick?

  /// Makes a batcher.
  ///
  /// - Parameters:
  ///   - name: What metrics and traces call its batches.
  ///   - keysMax: The most keys in one query.
  ///   - inFlightMax: The most queries under way at a time. Two keep the server busy while an answer is
  ///     being read; more would only make batches smaller.
  ///   - waitingMax: The most questions that wait for a query to begin; what is beyond is refused.
  ///   - fetch: The query.
  @inlinable
  public init(
    _ name: String,
    keysMax: Int = 256,
    inFlightMax: Int = 2,
    waitingMax: Int = 16_384,
    fetch: @escaping Fetch
  ) {
    precondition(keysMax > 0 && inFlightMax > 0 && waitingMax > 0, "A batcher needs room")
    self.name = name
    counts = BatchCounts.named(name)
    self.keysMax = keysMax
    self.inFlightMax = inFlightMax
    self.waitingMax = waitingMax
    self.fetch = fetch
    endOfTick = EndOfTick { [weak self] in self?.flush() }
  }

  /// Asks for the value of a key.
  ///
  /// Equal keys in one batch are asked for once.
  ///
  /// - Returns: The value, or nil when the query gave none for the key.
  /// - Throws: ``Fault`` that the query failed with; `cancelled` when the calling task was cancelled,
  ///   which leaves the query to the others; `unavailable` when too many wait.
  @inlinable
  public func load(_ key: Key) async throws(Fault) -> Value? {
    guard !Task.isCancelled else { throw .cancelled }
    guard waitingCount < waitingMax else {
      counts.refuse()
      throw .tooBusy
    }
    let waiter = BatchWaiter<Value>()
    let outcome: Result<Value?, Fault> = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        guard waiter.begin(continuation) else { return }
        enqueue(key, waiter)
      }
    } onCancel: {
      EventLoop.perform { waiter.end(.failure(.cancelled)) }
    }
    return try outcome.get()
  }

  /// Asks for the value of a key, for who has no task to wait in; otherwise as ``load(_:)``.
  ///
  /// - Parameters:
  ///   - key: What is asked for.
  ///   - receive: Called once, with the value or what went wrong; at once when too many wait.
  @inlinable
  public func load(_ key: Key, _ receive: @escaping @EventLoop (Result<Value?, Fault>) -> Void) {
    guard waitingCount < waitingMax else {
      counts.refuse()
      return receive(.failure(.tooBusy))
    }
    let waiter = BatchWaiter<Value>()
    waiter.receive = receive
    enqueue(key, waiter)
  }

  @inlinable func enqueue(_ key: Key, _ waiter: BatchWaiter<Value>) {
    waitingCount += 1
    counts.waits(1)
    let batch = filling ?? nextBatch()
    batch.append(key, waiter)
    if let span = Span.current { batch.spans.append(span) }
    if batch.keys.count == keysMax { filling = nil }
    markDirty()
  }

  @inlinable func nextBatch() -> Batch<Key, Value> {
    let batch = spare ?? Batch<Key, Value>()
    spare = nil
    waiting.append(batch)
    filling = batch
    return batch
  }

  /// Begins as many queries as may be under way.
  @inlinable func flush() {
    isMarked = false
    while inFlightCount < inFlightMax, let batch = waiting.popFirst() {
      if batch === filling { filling = nil }
      waitingCount -= batch.waiterCount
      counts.waits(-batch.waiterCount)
      counts.begin(keyCount: batch.keys.count)
      inFlightCount += 1
      let span = batch.beginSpan(name)
      Span.with(span) {
        EventLoop.spawn { [self] in
          await run(batch)
          span?.end()
        }
      }
    }
  }

  @inlinable func run(_ batch: Batch<Key, Value>) async {
    do throws(Fault) {
      let values = try await fetch(batch.keys)
      for (index, key) in batch.keys.enumerated() { batch.resume(index, .success(values[key])) }
    } catch {
      for index in batch.keys.indices { batch.resume(index, .failure(error)) }
    }
    batch.removeAll()
    spare = batch
    inFlightCount -= 1
    // At the end of the tick, so that those who were just answered can ask for more in the same query.
    if !waiting.isEmpty { markDirty() }
  }

  @inlinable func markDirty() {
    guard !isMarked, inFlightCount < inFlightMax, let endOfTick else { return }
    isMarked = true
    EventLoop.flushAtEndOfTick(endOfTick)
  }
}

/// What a batcher does at the end of a tick.
@EventLoop
@usableFromInline
final class EndOfTick: Flushable {
  private let body: @EventLoop () -> Void

  @usableFromInline init(_ body: @escaping @EventLoop () -> Void) { self.body = body }

  @usableFromInline func flush() { body() }
}
