internal import Faults

/// Which connections there are, what each is doing, and who waits for one: the pool's rules without
/// any connection, clock or task.
///
/// It takes events and returns the actions that whoever owns it performs.
///
/// Slots below `sharedCount` are shared: always connected, or on the way. The others are leased to one
/// transaction at a time and are connected when they are needed.
struct PoolState {
  /// A place for one connection.
  typealias Slot = Int
  /// A caller that waits.
  typealias Waiter = Int

  /// What the owner has to do.
  enum Action: Equatable {
    /// Connect the slot, and report ``PoolState/connected(_:)`` or ``PoolState/connectFailed(_:_:)``.
    case connect(Slot)
    /// Report ``PoolState/backoffEnded(_:)`` after the pause that belongs to this many failures.
    case pause(Slot, failures: Int)
    /// Close the slot's connection, which nobody uses.
    case close(Slot)
    /// Give the slot's connection to a caller that waits for a lease.
    case lease(Slot, Waiter)
    /// Let the callers that wait for a shared connection ask again.
    case resumeShared
    /// Refuse a caller that waits for a lease.
    case refuse(Waiter)
    /// Refuse all callers that wait for a shared connection.
    case refuseShared
  }

  /// What a caller that wants a lease gets.
  enum Acquired: Equatable {
    case leased(Slot)
    case waiting
    /// The database is down, or too many wait already.
    case refused
  }

  /// Whether the database can be reached.
  enum Health: Equatable {
    /// An attempt is under way and none has failed since it last worked: callers may wait for it.
    case connecting
    case up
    /// The last attempt failed: callers are refused at once until one succeeds.
    case down
    case closed
  }

  private enum State {
    /// No connection, and none wanted: leased slots only.
    case empty
    /// Can become ``ready`` or ``empty``, or ``pausing`` when shared.
    case connecting
    /// Shared and waiting to try again. Can become ``connecting``.
    case pausing
    /// Connected. A leased slot that is ready is idle. Can become ``leased``, ``connecting``, ``empty``.
    case ready
    /// Used by one transaction. Can become ``ready`` or ``empty``.
    case leased
  }

  let sharedCount: Int
  private let waitersMax: Int
  private var states: [State]
  /// Attempts that failed in a row, by shared slot.
  private var failures: [Int]
  /// Idle leased slots; the one used last is used next, so that the others can be closed.
  private var idle: [Slot] = []
  private var waiters: [Waiter] = []
  private(set) var health = Health.connecting

  init(sharedCount: Int, leasedMax: Int, waitersMax: Int) {
    precondition(sharedCount > 0 && leasedMax > 0, "A pool needs connections of both kinds")
    self.sharedCount = sharedCount
    self.waitersMax = waitersMax
    states = Array(repeating: .empty, count: sharedCount + leasedMax)
    failures = Array(repeating: 0, count: sharedCount)
  }

  /// Shared slots that are connected.
  var readyShared: [Slot] {
    (0..<sharedCount).filter { if case .ready = states[$0] { true } else { false } }
  }

  /// How many connections there are of each kind.
  var census: (sharedUp: Int, sharedDown: Int, leased: Int, idle: Int) {
    let leased = states.count { if case .leased = $0 { true } else { false } }
    return (readyShared.count, sharedCount - readyShared.count, leased, idle.count)
  }

  /// How many callers wait for a lease.
  var waitingCount: Int { waiters.count }

  /// Begins to connect.
  mutating func start() -> [Action] {
    (0..<sharedCount).map { slot in
      states[slot] = .connecting
      return .connect(slot)
    }
  }

  // MARK: Connecting

  /// A connection was made.
  mutating func connected(_ slot: Slot) -> [Action] {
    guard health != .closed else {
      states[slot] = .empty
      return [.close(slot)]
    }
    if isShared(slot) {
      states[slot] = .ready
      health = .up
      return [.resumeShared]
    }
    return offer(slot)
  }

  /// A connection could not be made.
  mutating func connectFailed(_ slot: Slot) -> [Action] {
    guard health != .closed else {
      states[slot] = .empty
      return []
    }
    guard isShared(slot) else {
      states[slot] = .empty
      // Others may still come back; if none can, nobody would ever serve those who wait.
      return hasLeases ? [] : refuseWaiters()
    }
    failures[slot] += 1
    states[slot] = .pausing
    return [.pause(slot, failures: failures[slot])] + goDownIfNothingIsLeft()
  }

  /// The pause after a failure is over.
  mutating func backoffEnded(_ slot: Slot) -> [Action] {
    guard health != .closed, case .pausing = states[slot] else { return [] }
    states[slot] = .connecting
    return [.connect(slot)]
  }

  /// A connection has proved itself, so the next failure counts as the first.
  mutating func proved(_ slot: Slot) {
    if isShared(slot) { failures[slot] = 0 }
  }

  /// A connection broke.
  ///
  /// A shared one that had proved itself is made again at once, and callers may wait for that; one
  /// that breaks again and again is treated as one that cannot be made.
  mutating func lost(_ slot: Slot) -> [Action] {
    guard health != .closed else { return [] }
    guard isShared(slot) else {
      switch states[slot] {
      case .ready:
        idle.removeAll { $0 == slot }
        states[slot] = .empty
      // The transaction that has it will notice and give it back.
      default: break
      }
      return []
    }
    guard failures[slot] == 0 else { return connectFailed(slot) }
    // Counted until the connection has proved itself again.
    failures[slot] = 1
    states[slot] = .connecting
    if health == .up, readyShared.isEmpty { health = .connecting }
    return [.connect(slot)]
  }

  private mutating func goDownIfNothingIsLeft() -> [Action] {
    guard readyShared.isEmpty else { return [] }
    health = .down
    return [.refuseShared] + refuseWaiters()
  }

  private mutating func refuseWaiters() -> [Action] {
    let actions = waiters.map { Action.refuse($0) }
    waiters = []
    return actions
  }

  // MARK: Leasing

  /// Asks for a connection of one's own.
  mutating func acquire(_ waiter: Waiter) -> (Acquired, [Action]) {
    guard health == .up || health == .connecting else { return (.refused, []) }
    if let slot = idle.popLast() {
      states[slot] = .leased
      return (.leased(slot), [])
    }
    guard waiters.count < waitersMax else { return (.refused, []) }
    waiters.append(waiter)
    return (.waiting, connectOneMore())
  }

  /// Whether a caller still waits for a lease.
  func isWaiting(_ waiter: Waiter) -> Bool { waiters.contains(waiter) }

  /// A caller does not wait any longer.
  ///
  /// - Returns: Whether it was still waiting.
  mutating func stopWaiting(_ waiter: Waiter) -> Bool {
    guard let index = waiters.firstIndex(of: waiter) else { return false }
    waiters.remove(at: index)
    return true
  }

  /// A transaction has ended.
  ///
  /// A connection that is not reusable has been closed by its user.
  mutating func release(_ slot: Slot, isReusable: Bool) -> [Action] {
    precondition(!isShared(slot), "A shared connection is not leased")
    guard health != .closed else {
      states[slot] = .empty
      return isReusable ? [.close(slot)] : []
    }
    if isReusable { return offer(slot) }
    states[slot] = .empty
    return waiters.isEmpty ? [] : connectOneMore()
  }

  /// The idle slots that may be closed, all but the one used last; the caller knows how long each was.
  var spareSlots: [Slot] { Array(idle.dropLast()) }

  /// Closes an idle slot.
  mutating func discard(_ slot: Slot) -> [Action] {
    guard let index = idle.firstIndex(of: slot) else { return [] }
    idle.remove(at: index)
    states[slot] = .empty
    return [.close(slot)]
  }

  private mutating func offer(_ slot: Slot) -> [Action] {
    guard !waiters.isEmpty else {
      states[slot] = .ready
      idle.append(slot)
      return []
    }
    states[slot] = .leased
    return [.lease(slot, waiters.removeFirst())]
  }

  /// Connects an empty leased slot, unless as many are connecting as callers wait.
  private mutating func connectOneMore() -> [Action] {
    var connectingCount = 0
    var empty: Slot?
    for slot in sharedCount..<states.count {
      switch states[slot] {
      case .connecting: connectingCount += 1
      case .empty: empty = empty ?? slot
      default: break
      }
    }
    guard let empty, connectingCount < waiters.count else { return [] }
    states[empty] = .connecting
    return [.connect(empty)]
  }

  /// Whether a leased slot is in use or on the way, so that a waiter can hope.
  private var hasLeases: Bool {
    states[sharedCount...].contains { state in
      switch state {
      case .leased, .connecting: true
      default: false
      }
    }
  }

  private func isShared(_ slot: Slot) -> Bool { slot < sharedCount }

  // MARK: Ending

  /// Refuses everybody from now on.
  ///
  /// Connections stay as they are until their users are done.
  mutating func close() -> [Action] {
    guard health != .closed else { return [] }
    health = .closed
    return [.refuseShared] + refuseWaiters()
  }

  /// Whether a transaction is still under way.
  var isLeasing: Bool {
    states.contains { if case .leased = $0 { true } else { false } }
  }
}
