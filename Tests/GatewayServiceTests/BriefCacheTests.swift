import EventLoop
import Faults
import Testing

@testable import GatewayService

/// What was fetched, and fetches that wait until they are let go.
@EventLoop
private final class Source {
  var fetched: [String] = []
  var fault: Fault?
  var isHolding = false
  private var held: [CheckedContinuation<Void, Never>] = []

  func fetch(_ key: String) async throws(Fault) -> String {
    fetched.append(key)
    let answer = "\(key)\(fetched.count)"
    if isHolding { await withCheckedContinuation { held.append($0) } }
    if let fault { throw fault }
    return answer
  }

  func letGo() {
    isHolding = false
    for continuation in held { continuation.resume() }
    held = []
  }
}

extension GatewaySuites {
  @Suite struct BriefCacheTests {
    @EventLoop private func make(
      countMax: Int = 100
    ) -> (BriefCache<String, String>, Source, HandClock) {
      let clock = HandClock()
      let source = Source()
      let cache = BriefCache<String, String>(
        lifetime: .milliseconds(500),
        countMax: countMax,
        now: { clock.now },
        fetch: { (key) async throws(Fault) in try await source.fetch(key) }
      )
      return (cache, source, clock)
    }

    @Test @EventLoop func `an answer is used for its lifetime and no longer`() async throws {
      let (cache, source, clock) = make()
      #expect(cache.cached("a") == nil)
      #expect(try await cache.value(for: "a") == "a1")
      clock.advance(.milliseconds(499))
      #expect(try await cache.value(for: "a") == "a1")
      #expect(cache.cached("a") == "a1")
      clock.advance(.milliseconds(1))
      #expect(cache.cached("a") == nil)
      #expect(try await cache.value(for: "a") == "a2")
      #expect(source.fetched == ["a", "a"])
    }

    /// Whatever the moment within a generation that the answer came at.
    @Test(arguments: [0, 1, 250, 499]) @EventLoop
    func `the lifetime counts from the answer`(offset: Int) async throws {
      let (cache, _, clock) = make()
      clock.advance(.milliseconds(offset))
      _ = try await cache.value(for: "a")
      clock.advance(.milliseconds(499))
      #expect(cache.cached("a") == "a1")
      clock.advance(.milliseconds(1))
      #expect(cache.cached("a") == nil)
      clock.advance(.seconds(3600))
      #expect(cache.cached("a") == nil)
    }

    @Test @EventLoop func `those who ask meanwhile wait for the one answer`() async throws {
      let (cache, source, _) = make()
      source.isHolding = true
      let tasks = (0..<10).map { _ in EventLoop.spawn { try? await cache.value(for: "a") } }
      let other = EventLoop.spawn { try? await cache.value(for: "b") }
      while source.fetched.count < 2 { await Task.yield() }
      source.letGo()
      for task in tasks { #expect(await task.value == "a1") }
      #expect(await other.value == "b2")
      #expect(source.fetched == ["a", "b"])
    }

    /// The answer may be from the beginning of the time that it took.
    @Test @EventLoop func `an answer's age counts from the question`() async throws {
      let (cache, source, clock) = make()
      source.isHolding = true
      let asked = EventLoop.spawn { try? await cache.value(for: "a") }
      while source.fetched.isEmpty { await Task.yield() }
      clock.advance(.milliseconds(400))
      source.letGo()
      #expect(await asked.value == "a1")
      clock.advance(.milliseconds(99))
      #expect(cache.cached("a") == "a1")
      clock.advance(.milliseconds(1))
      #expect(cache.cached("a") == nil)
    }

    @Test @EventLoop func `a fault is told and not kept`() async throws {
      let (cache, source, _) = make()
      source.fault = .unavailable("gone")
      await #expect(throws: Fault.self) { try await cache.value(for: "a") }
      source.fault = nil
      #expect(try await cache.value(for: "a") == "a2")
    }

    /// A key is revoked while its verdict is on the way: who asks afterwards must not get that verdict.
    @Test @EventLoop func `what is on the way while all is forgotten is not kept`() async throws {
      let (cache, source, _) = make()
      source.isHolding = true
      let early = EventLoop.spawn { try? await cache.value(for: "a") }
      while source.fetched.isEmpty { await Task.yield() }
      cache.removeAll()
      let late = EventLoop.spawn { try? await cache.value(for: "a") }
      while source.fetched.count < 2 { await Task.yield() }
      source.letGo()
      #expect(await early.value == "a1")
      #expect(await late.value == "a2")
      #expect(cache.cached("a") == "a2")
    }

    /// A cache that asks anew before an answer's time is over.
    @EventLoop private func makeRefreshing() -> (BriefCache<String, String>, Source, HandClock) {
      let clock = HandClock()
      let source = Source()
      let cache = BriefCache<String, String>(
        lifetime: .milliseconds(800),
        refreshAge: .milliseconds(400),
        lifetimeCutOff: .seconds(300),
        countMax: 100,
        now: { clock.now },
        fetch: { (key) async throws(Fault) in try await source.fetch(key) }
      )
      return (cache, source, clock)
    }

    @Test @EventLoop func `an answer in use is asked for anew before its time is over`()
      async throws
    {
      let (cache, source, clock) = makeRefreshing()
      #expect(try await cache.value(for: "a") == "a1")
      clock.advance(.milliseconds(399))
      #expect(cache.cached("a") == "a1")
      #expect(source.fetched == ["a"])
      clock.advance(.milliseconds(1))
      // Nobody waits for it, and it is asked for once.
      for _ in 0..<10 { #expect(cache.cached("a") == "a1") }
      while cache.cached("a") == "a1" { await Task.yield() }
      #expect(cache.cached("a") == "a2")
      #expect(source.fetched == ["a", "a"])
    }

    @Test @EventLoop func `an answer that is not used is not asked for anew`() async throws {
      let (cache, source, clock) = makeRefreshing()
      _ = try await cache.value(for: "a")
      clock.advance(.milliseconds(800))
      #expect(cache.cached("a") == nil)
      #expect(source.fetched == ["a"])
      #expect(try await cache.value(for: "a") == "a2")
    }

    /// Whoever answers is gone, comes back with another answer, and that one is believed.
    @Test @EventLoop func `the last answer stands in while nobody can be asked`() async throws {
      let (cache, source, clock) = makeRefreshing()
      _ = try await cache.value(for: "a")
      source.fault = .unavailable("gone")
      clock.advance(.seconds(2))
      #expect(cache.cached("a") == nil)
      #expect(try await cache.value(for: "a") == "a1")
      // From now on nobody waits, and it is tried again in the background.
      let tries = source.fetched.count
      clock.advance(.milliseconds(400))
      #expect(cache.cached("a") == "a1")
      while source.fetched.count == tries { await Task.yield() }
      source.fault = nil
      clock.advance(.milliseconds(400))
      while cache.cached("a") == "a1" { await Task.yield() }
      #expect(cache.cached("a") == "a\(source.fetched.count)")
      source.fault = .unavailable("gone")
      clock.advance(.seconds(300))
      await #expect(throws: Fault.self) { try await cache.value(for: "a") }
    }

    @Test @EventLoop func `a refusal is no reason to go on with the last answer`() async throws {
      let (cache, source, clock) = makeRefreshing()
      _ = try await cache.value(for: "a")
      source.fault = .internalError("broken")
      clock.advance(.seconds(2))
      await #expect(throws: Fault.self) { try await cache.value(for: "a") }
    }

    @Test @EventLoop func `a flood of keys costs no more than the limit`() async throws {
      let (cache, source, _) = make(countMax: 10)
      for index in 0..<95 { _ = try await cache.value(for: "\(index)") }
      let kept = (0..<95).count { cache.cached("\($0)") != nil }
      #expect(kept <= 10)
      #expect(source.fetched.count == 95)
    }
  }
}
