import Testing

@testable import Postgres

/// The pool's rules, event by event, without a server.
@Suite struct PoolStateTests {
  private func pool(shared: Int = 2, leased: Int = 2, waiters: Int = 3) -> PoolState {
    PoolState(sharedCount: shared, leasedMax: leased, waitersMax: waiters)
  }

  /// A pool whose shared connections are up.
  private func upPool(shared: Int = 2, leased: Int = 2, waiters: Int = 3) -> PoolState {
    var state = pool(shared: shared, leased: leased, waiters: waiters)
    _ = state.start()
    for slot in 0..<shared { _ = state.connected(slot) }
    for slot in 0..<shared { state.proved(slot) }
    return state
  }

  @Test func `it connects its shared slots and nothing else`() {
    var state = pool()
    #expect(state.start() == [.connect(0), .connect(1)])
    #expect(state.health == .connecting)
    #expect(state.connected(0) == [.resumeShared])
    #expect(state.health == .up)
    #expect(state.readyShared == [0])
  }

  @Test func `one failure while nothing is connected refuses everybody`() {
    var state = pool()
    _ = state.start()
    #expect(state.acquire(7).0 == .waiting)
    #expect(state.connectFailed(0) == [.pause(0, failures: 1), .refuseShared, .refuse(7)])
    #expect(state.health == .down)
    #expect(state.acquire(8) == (.refused, []))
  }

  @Test func `a failure beside a working connection refuses nobody`() {
    var state = upPool()
    #expect(state.lost(1) == [.connect(1)])
    #expect(state.connectFailed(1) == [.pause(1, failures: 2)])
    #expect(state.health == .up)
  }

  @Test func `it recovers by itself`() {
    var state = pool(shared: 1)
    _ = state.start()
    _ = state.connectFailed(0)
    #expect(state.backoffEnded(0) == [.connect(0)])
    #expect(state.connectFailed(0) == [.pause(0, failures: 2), .refuseShared])
    #expect(state.backoffEnded(0) == [.connect(0)])
    #expect(state.connected(0) == [.resumeShared])
    #expect(state.health == .up)
  }

  @Test func `a lost connection is made again at once, and callers may wait for it`() {
    var state = upPool(shared: 1)
    #expect(state.lost(0) == [.connect(0)])
    #expect(state.health == .connecting)
  }

  @Test func `a connection that breaks again and again is not made at once`() {
    var state = upPool(shared: 1)
    _ = state.lost(0)
    _ = state.connected(0)
    #expect(state.lost(0) == [.pause(0, failures: 2), .refuseShared])
    #expect(state.health == .down)
  }

  @Test func `leases are made when needed, up to the limit, and handed on in order`() {
    var state = upPool()
    #expect(state.acquire(1) == (.waiting, [.connect(2)]))
    #expect(state.acquire(2) == (.waiting, [.connect(3)]))
    #expect(state.acquire(3) == (.waiting, []))
    #expect(state.acquire(4) == (.refused, []))
    #expect(state.connected(2) == [.lease(2, 1)])
    #expect(state.release(2, isReusable: true) == [.lease(2, 2)])
    #expect(state.connected(3) == [.lease(3, 3)])
    #expect(state.release(3, isReusable: true) == [])
    #expect(state.acquire(5) == (.leased(3), []))
  }

  @Test func `a connection that cannot be used again is replaced when somebody waits`() {
    var state = upPool(leased: 1)
    _ = state.acquire(1)
    _ = state.connected(2)
    #expect(state.acquire(2) == (.waiting, []))
    #expect(state.release(2, isReusable: false) == [.connect(2)])
    #expect(state.connected(2) == [.lease(2, 2)])
    #expect(state.release(2, isReusable: false) == [])
  }

  @Test func `a lease that cannot be connected refuses those who wait only when no other can come`()
  {
    var state = upPool()
    _ = state.acquire(1)
    _ = state.acquire(2)
    #expect(state.connectFailed(2) == [])
    #expect(state.connectFailed(3) == [.refuse(1), .refuse(2)])
  }

  @Test func `who stops waiting is not served`() {
    var state = upPool(leased: 1)
    _ = state.acquire(1)
    _ = state.acquire(2)
    #expect(state.isWaiting(1))
    let (first, second) = (state.stopWaiting(1), state.stopWaiting(1))
    #expect(first && !second)
    #expect(state.connected(2) == [.lease(2, 2)])
  }

  @Test func `an idle lease that breaks is forgotten`() {
    var state = upPool(leased: 1)
    _ = state.acquire(1)
    _ = state.connected(2)
    _ = state.release(2, isReusable: true)
    #expect(state.lost(2) == [])
    #expect(state.acquire(2) == (.waiting, [.connect(2)]))
  }

  @Test func `all idle leases but the one used last are spare`() {
    var state = upPool()
    _ = state.acquire(1)
    _ = state.acquire(2)
    _ = state.connected(2)
    _ = state.connected(3)
    _ = state.release(3, isReusable: true)
    _ = state.release(2, isReusable: true)
    #expect(state.spareSlots == [3])
    #expect(state.discard(3) == [.close(3)])
    #expect(state.discard(3) == [])
    #expect(state.acquire(3) == (.leased(2), []))
  }

  @Test func `closing refuses everybody and lets transactions end`() {
    var state = upPool(leased: 1)
    _ = state.acquire(1)
    _ = state.connected(2)
    _ = state.acquire(2)
    #expect(state.close() == [.refuseShared, .refuse(2)])
    #expect(state.isLeasing)
    #expect(state.acquire(3) == (.refused, []))
    #expect(state.release(2, isReusable: true) == [.close(2)])
    #expect(!state.isLeasing)
    #expect(state.lost(0) == [])
    #expect(state.connected(1) == [.close(1)])
    #expect(state.close() == [])
  }

  @Test(arguments: [
    (1, 0.0, Duration.milliseconds(25)), (1, 0.5, .microseconds(37_500)),
    (2, 0.0, .milliseconds(50)), (5, 0.0, .milliseconds(400)), (6, 0.0, .milliseconds(500)),
    (1_000, 0.0, .milliseconds(500)),
  ])
  func `pauses double up to a second and are spread`(failures: Int, random: Double, pause: Duration)
  {
    #expect(Backoff.pause(failures: failures, random: random) == pause)
  }

  /// Random events by seed: no slot is ever leased twice, nobody is served who does not wait, and once
  /// the database is up again nobody waits forever.
  @Test(arguments: 0..<200) func `random events never break the rules`(seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    var state = pool(shared: 2, leased: 3, waiters: 5)
    var connecting = Set<Int>()
    var pausing = Set<Int>()
    var connected = Set<Int>()
    var leased: [Int: Int] = [:]
    var waiting = Set<Int>()
    var nextWaiter = 0
    func perform(_ actions: [PoolState.Action]) {
      for action in actions {
        switch action {
        case .connect(let slot):
          let isNew = connecting.insert(slot).inserted
          #expect(isNew && !connected.contains(slot))
        case .pause(let slot, _):
          let isNew = pausing.insert(slot).inserted
          #expect(isNew)
        case .close(let slot):
          let wasConnected = connected.remove(slot) != nil
          #expect(wasConnected && leased[slot] == nil)
        case .lease(let slot, let waiter):
          let hasWaited = waiting.remove(waiter) != nil
          #expect(leased[slot] == nil && connected.contains(slot) && hasWaited)
          leased[slot] = waiter
        case .refuse(let waiter):
          let hasWaited = waiting.remove(waiter) != nil
          #expect(hasWaited)
        case .resumeShared, .refuseShared: break
        }
      }
    }
    perform(state.start())
    for _ in 0..<400 {
      switch Int.random(in: 0..<8, using: &random) {
      case 0, 1:
        guard let slot = connecting.sorted().randomElement(using: &random) else { continue }
        connecting.remove(slot)
        if Bool.random(using: &random) {
          connected.insert(slot)
          perform(state.connected(slot))
        } else {
          perform(state.connectFailed(slot))
        }
      case 2:
        guard let slot = pausing.sorted().randomElement(using: &random) else { continue }
        pausing.remove(slot)
        perform(state.backoffEnded(slot))
      case 3:
        guard let slot = connected.sorted().randomElement(using: &random), leased[slot] == nil
        else { continue }
        connected.remove(slot)
        perform(state.lost(slot))
      case 4, 5:
        nextWaiter += 1
        waiting.insert(nextWaiter)
        let (acquired, actions) = state.acquire(nextWaiter)
        switch acquired {
        case .leased(let slot):
          #expect(leased[slot] == nil && connected.contains(slot))
          leased[slot] = nextWaiter
          waiting.remove(nextWaiter)
        case .refused: waiting.remove(nextWaiter)
        case .waiting: break
        }
        perform(actions)
      case 6:
        guard let slot = leased.keys.sorted().randomElement(using: &random) else { continue }
        leased[slot] = nil
        let isReusable = Bool.random(using: &random)
        if !isReusable { connected.remove(slot) }
        perform(state.release(slot, isReusable: isReusable))
      default:
        guard let waiter = waiting.sorted().randomElement(using: &random) else { continue }
        let hasWaited = state.stopWaiting(waiter)
        #expect(hasWaited)
        waiting.remove(waiter)
      }
      #expect(state.waitingCount == waiting.count)
    }
    // From here on all goes well: everybody must be served or refused.
    for _ in 0..<100 {
      for slot in pausing.sorted() {
        pausing.remove(slot)
        perform(state.backoffEnded(slot))
      }
      for slot in connecting.sorted() {
        connecting.remove(slot)
        connected.insert(slot)
        perform(state.connected(slot))
      }
      for slot in leased.keys.sorted() {
        leased[slot] = nil
        perform(state.release(slot, isReusable: true))
      }
    }
    #expect(waiting.isEmpty)
    #expect(state.health == .up)
  }
}

/// A small generator whose whole state is its seed, so that each failure can be replayed.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
