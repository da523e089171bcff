internal import EventLoop
internal import Faults

/// What was found out a moment ago, kept for a moment, and asked for once however many want it.
///
/// Those who ask for a key while its answer is on the way wait for that one answer. An answer's age counts from
/// when it was asked for, so that a slow one is not used for longer than a quick one. An answer in use can be asked
/// for anew before its time is over, so that nobody waits for the next one, and can stand in for longer while there
/// is none to be had.
///
/// What is kept is bounded in time and, by `countMax`, in number: the entries are in two generations, and the older
/// is forgotten as a whole.
@EventLoop
final class BriefCache<Key: Hashable & Sendable, Value: Sendable> {
  private final class Entry {
    let value: Value
    let asked: Instant
    var expires: Instant
    /// When the next answer is asked for although this one is still good.
    var refreshes: Instant

    init(_ value: Value, asked: Instant, expires: Instant, refreshes: Instant) {
      self.value = value
      self.asked = asked
      self.expires = expires
      self.refreshes = refreshes
    }
  }

  /// The fetches under way, and who waits for each.
  private final class Fetch {
    var waiters: [CheckedContinuation<Result<Value, Fault>, Never>] = []
    /// Set when the answer must not be kept, since what it rests on changed meanwhile.
    var isOutdated = false
  }

  private let lifetime: Duration
  private let refreshAge: Duration
  private let lifetimeCutOff: Duration
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
  ///   - refreshAge: From which age on an answer that is used is asked for anew in the background; by default
  ///     never, and who comes after its lifetime waits.
  ///   - lifetimeCutOff: How long an answer is used while whoever gives them cannot be asked; by default no longer
  ///     than otherwise.
  ///   - countMax: How many answers a generation keeps; there are two.
  ///   - now: The clock.
  ///   - fetch: Finds an answer. A fault is told to all who wait and not kept.
  init(
    lifetime: Duration,
    refreshAge: Duration? = nil,
    lifetimeCutOff: Duration? = nil,
    countMax: Int,
    now: @escaping @EventLoop () -> Instant = { Instant.now },
    fetch: @escaping @EventLoop (Key) async throws(Fault) -> Value
  ) {
    self.lifetime = lifetime
    self.refreshAge = refreshAge ?? lifetime
    self.lifetimeCutOff = lifetimeCutOff ?? lifetime
    self.countMax = countMax
    self.now = now
    self.fetch = fetch
    rotates = now() + self.lifetimeCutOff
  }

  /// The answer for a key, if it was found within the lifetime.
  func cached(_ key: Key) -> Value? {
    let now = now()
    rotate(now)
    guard let entry = young[key] ?? old[key], now < entry.expires else { return nil }
    if now >= entry.refreshes {
      entry.refreshes = now + refreshAge
      if fetches[key] == nil { begin(key) }
    }
    return entry.value
  }

  /// The answer for a key, kept or fetched.
  func value(for key: Key) async throws(Fault) -> Value {
    if let value = cached(key) { return value }
    let result: Result<Value, Fault> = await withCheckedContinuation { continuation in
      (fetches[key] ?? begin(key)).waiters.append(continuation)
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

  @discardableResult
  private func begin(_ key: Key) -> Fetch {
    let started = Fetch()
    fetches[key] = started
    EventLoop.spawn { [self] in await run(started, key) }
    return started
  }

  private func run(_ running: Fetch, _ key: Key) async {
    let asked = now()
    var result: Result<Value, Fault>
    do throws(Fault) { result = .success(try await fetch(key)) } catch { result = .failure(error) }
    if !running.isOutdated {
      fetches[key] = nil
      switch result {
      case .success(let value): keep(value, for: key, asked: asked)
      case .failure(let fault):
        if fault.isCutOff, let value = standIn(for: key) { result = .success(value) }
      }
    }
    for waiter in running.waiters { waiter.resume(returning: result) }
  }

  private func keep(_ value: Value, for key: Key, asked: Instant) {
    let now = now()
    rotate(now)
    // A flood of different keys costs its own answers their place, and no more memory.
    if young.count >= countMax { young.removeAll(keepingCapacity: true) }
    young[key] = Entry(
      value,
      asked: asked,
      expires: asked + lifetime,
      refreshes: asked + refreshAge
    )
  }

  /// The last answer, which goes on being used while it is not too old, and being asked for anew.
  private func standIn(for key: Key) -> Value? {
    guard let entry = young[key] ?? old[key] else { return nil }
    entry.expires = entry.asked + lifetimeCutOff
    return now() < entry.expires ? entry.value : nil
  }

  private func rotate(_ now: Instant) {
    guard now >= rotates else { return }
    old = now < rotates + lifetimeCutOff ? young : [:]
    young = [:]
    rotates = now + lifetimeCutOff
  }
}

extension Fault {
  /// Whether nobody was there to ask, or not in time.
  fileprivate var isCutOff: Bool { code == .unavailable || code == .deadlineExceeded }
}
