internal import EventLoop
internal import Faults

/// What was found out a moment ago, kept for a moment, and asked for once however many want it.
///
/// Those who ask for a key while its answer is on the way wait for that one answer. An answer's age counts from
/// when it was asked for, so that a slow one is not used for longer than a quick one. What is kept is
/// bounded in time by `lifetime` and in number by `countMax`: the entries are in two generations, and
/// the older is forgotten as a whole.
@EventLoop
final class BriefCache<Key: Hashable & Sendable, Value: Sendable> {
  private struct Entry {
    let value: Value
    let expires: Instant
  }

  /// The fetches under way, and who waits for each.
  private final class Fetch {
    var waiters: [CheckedContinuation<Result<Value, Fault>, Never>] = []
    /// Set when the answer must not be kept, since what it rests on changed meanwhile.
    var isOutdated = false
  }

  private let lifetime: Duration
  private let countMax: Int
  private let now: @EventLoop () -> Instant
  private let fetch: @EventLoop (Key) async throws(Fault) -> Value
  private var young: [Key: Entry] = [:]
  private var old: [Key: Entry] = [:]
  private var rotates: Instant
  private var fetches: [Key: Fetch] = [:]

  /// Makes an empty cache.
  ///
  /// - Parameters:
  ///   - lifetime: How long an answer is used.
  ///   - countMax: How many answers a generation keeps; there are two.
  ///   - now: The clock.
  ///   - fetch: Finds an answer. A fault is told to all who wait and not kept.
  init(
    lifetime: Duration,
    countMax: Int,
    now: @escaping @EventLoop () -> Instant = { Instant.now },
    fetch: @escaping @EventLoop (Key) async throws(Fault) -> Value
  ) {
    self.lifetime = lifetime
    self.countMax = countMax
    self.now = now
    self.fetch = fetch
    rotates = now() + lifetime
  }

  /// The answer for a key, if it was found within the lifetime.
  func cached(_ key: Key) -> Value? {
    let now = now()
    rotate(now)
    guard let entry = young[key] ?? old[key], now < entry.expires else { return nil }
    return entry.value
  }

  /// The answer for a key, kept or fetched.
  func value(for key: Key) async throws(Fault) -> Value {
    if let value = cached(key) { return value }
    let result: Result<Value, Fault> = await withCheckedContinuation { continuation in
      if let running = fetches[key] {
        running.waiters.append(continuation)
        return
      }
      let started = Fetch()
      started.waiters.append(continuation)
      fetches[key] = started
      EventLoop.spawn { [self] in await run(started, key) }
    }
    return try result.get()
  }

  /// Forgets everything, and what is being fetched as soon as it was told.
  func removeAll() {
    young.removeAll()
    old.removeAll()
    for running in fetches.values { running.isOutdated = true }
    // Who asks from now on must not be given an answer from before.
    fetches.removeAll()
  }

  private func run(_ running: Fetch, _ key: Key) async {
    let asked = now()
    var result: Result<Value, Fault>
    do throws(Fault) { result = .success(try await fetch(key)) } catch { result = .failure(error) }
    if !running.isOutdated {
      fetches[key] = nil
      if case .success(let value) = result { keep(value, for: key, asked: asked) }
    }
    for waiter in running.waiters { waiter.resume(returning: result) }
  }

  private func keep(_ value: Value, for key: Key, asked: Instant) {
    let now = now()
    rotate(now)
    // A flood of different keys costs its own answers their place, and no more memory.
    if young.count >= countMax { young.removeAll(keepingCapacity: true) }
    young[key] = Entry(value: value, expires: asked + lifetime)
  }

  private func rotate(_ now: Instant) {
    guard now >= rotates else { return }
    old = now < rotates + lifetime ? young : [:]
    young = [:]
    rotates = now + lifetime
  }
}
