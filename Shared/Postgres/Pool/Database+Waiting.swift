internal import EventLoop
public import Faults

/// A caller that waits for a shared connection.
struct SharedWaiter {
  let continuation: UnsafeContinuation<Result<Void, Fault>, Never>
  let deadline: Instant
}

/// A caller that waits for a connection of its own.
struct LeaseWaiter {
  let continuation: UnsafeContinuation<Result<PoolState.Slot, Fault>, Never>
  let deadline: Instant
}

extension Database {
  /// The shared connection with the fewest exchanges in flight; waits while none is there yet.
  func sharedConnection() async throws(Fault) -> Connection {
    while true {
      if let connection = leastBusyConnection {
        guard connection.inFlightCount < configuration.inFlightMax else { throw .tooBusy }
        return connection
      }
      guard pool.health == .connecting else { throw refusal }
      guard sharedWaiters.count < configuration.waitingMax else { throw .tooBusy }
      let deadline = Instant.now + configuration.waitLimit
      let outcome = await withUnsafeContinuation { continuation in
        sharedWaiters.append(SharedWaiter(continuation: continuation, deadline: deadline))
      }
      try outcome.get()
    }
  }

  private var leastBusyConnection: Connection? {
    var best: Connection?
    for slot in 0..<pool.sharedCount {
      guard let connection = connections[slot], connection.isOpen else { continue }
      if connection.inFlightCount < best?.inFlightCount ?? .max { best = connection }
    }
    return best
  }

  func resumeShared(_ fault: Fault?) {
    for waiter in sharedWaiters.removeAll() {
      waiter.continuation.resume(returning: fault.map { .failure($0) } ?? .success(()))
    }
  }

  /// Gets a connection of its own for the caller, who gives it back with ``release(_:isReusable:)``.
  func acquire() async throws(Fault) -> PoolState.Slot {
    guard !Task.isCancelled else { throw .cancelled }
    nextWaiter += 1
    let waiter = nextWaiter
    let (acquired, actions) = pool.acquire(waiter)
    switch acquired {
    case .leased(let slot): return slot
    case .refused: throw refusal
    case .waiting: break
    }
    let deadline = Instant.now + configuration.waitLimit
    let outcome: Result<PoolState.Slot, Fault> = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        guard pool.isWaiting(waiter) else {
          // Cancelled by another thread in this very moment.
          continuation.resume(returning: .failure(.cancelled))
          return
        }
        leaseWaiters[waiter] = LeaseWaiter(continuation: continuation, deadline: deadline)
        perform(actions)
      }
    } onCancel: {
      EventLoop.perform { self.stopWaiting(waiter, .cancelled) }
    }
    return try outcome.get()
  }

  func release(_ slot: PoolState.Slot, isReusable: Bool) {
    perform(pool.release(slot, isReusable: isReusable))
  }

  func lease(_ slot: PoolState.Slot, to waiter: PoolState.Waiter) {
    leaseWaiters.removeValue(forKey: waiter)?.continuation.resume(returning: .success(slot))
  }

  func refuse(_ waiter: PoolState.Waiter, _ fault: Fault) {
    leaseWaiters.removeValue(forKey: waiter)?.continuation.resume(returning: .failure(fault))
  }

  private func stopWaiting(_ waiter: PoolState.Waiter, _ fault: Fault) {
    if pool.stopWaiting(waiter) { refuse(waiter, fault) }
  }

  /// Refuses those who have waited too long; they wait in the order of their deadlines.
  func refuseOverdue(_ now: Instant) {
    while let first = sharedWaiters.first, first.deadline < now {
      _ = sharedWaiters.popFirst()
      first.continuation.resume(returning: .failure(.tooBusy))
    }
    for (waiter, entry) in leaseWaiters where entry.deadline < now { stopWaiting(waiter, .tooBusy) }
  }
}

extension Fault {
  /// The caller has gone.
  @usableFromInline static let cancelled = Fault(.cancelled, "The call was cancelled")
}
