import Cryptography
import EventLoop
import Faults
import Primitives
import Testing

@testable import GatewayService

/// A clock that a test moves, apart from the loop's.
@EventLoop
private final class HandClock {
  var now = Instant(nanoseconds: 1_000_000_000)
  func advance(_ duration: Duration) { now = now + duration }
}

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

/// The keys service: a key, none, or a fault.
@EventLoop
private final class KeySource {
  var answer: Result<HMACSHA256?, Fault> = .success(HMACSHA256(key: [1]))
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

    @Test @EventLoop func `a flood of keys costs no more than the limit`() async throws {
      let (cache, source, _) = make(countMax: 10)
      for index in 0..<95 { _ = try await cache.value(for: "\(index)") }
      let kept = (0..<95).count { cache.cached("\($0)") != nil }
      #expect(kept <= 10)
      #expect(source.fetched.count == 95)
    }
  }

  @Suite struct ResponseSignerTests {
    @Test @EventLoop func `a known key goes on signing for a while when the service is gone`()
      async throws
    {
      let clock = HandClock()
      let source = KeySource()
      let signer = ResponseSigner(
        now: { clock.now },
        lookup: { (_) async throws(Fault) in try source.answer.get() }
      )
      #expect(try await signer.key(of: .onlyAccount) != nil)
      source.answer = .failure(.unavailable("gone"))
      clock.advance(.seconds(11))
      #expect(try await signer.key(of: .onlyAccount) != nil)
      await #expect(throws: Fault.self) { try await signer.key(of: .account(UUID(high: 0, low: 1))) }
      clock.advance(.seconds(300))
      await #expect(throws: Fault.self) { try await signer.key(of: .onlyAccount) }
    }

    @Test @EventLoop func `a service that answers is believed`() async throws {
      let clock = HandClock()
      let source = KeySource()
      let signer = ResponseSigner(
        now: { clock.now },
        lookup: { (_) async throws(Fault) in try source.answer.get() }
      )
      #expect(try await signer.key(of: .onlyAccount) != nil)
      source.answer = .success(nil)
      clock.advance(.seconds(11))
      #expect(try await signer.key(of: .onlyAccount) == nil)
    }

    /// The contract's form: the text of the time, a dot, the body.
    @Test @EventLoop func `the signature is that of the contract`() {
      // Made with: printf '1700000000.{"data":{}}' | openssl dgst -sha256 -hmac KEY
      let signature = ResponseSigner.signature(
        of: Array(#"{"data":{}}"#.utf8),
        at: "1700000000",
        with: HMACSHA256(key: Array("KEY".utf8))
      )
      #expect(signature == "d525433bc6f931b700aa3e0bb11768b1feb6db0d6359f90282cf8b2a0c965379")
    }
  }
}
