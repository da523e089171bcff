internal import EventLoop
internal import Primitives

/// Those who wait for the next event of a tenant.
@EventLoop
final class EventStreams {
  /// How many may read along at a time; each holds a call.
  static let countMax = 200

  private final class Waiter {
    var resume: (() -> Void)?
  }

  private var waiters: [Tenant: [Waiter]] = [:]
  private(set) var isClosed = false
  /// How many read along now.
  var count = 0

  nonisolated init() {}

  /// Waits until there may be events, or a while has passed: another process may have dispatched them.
  func wait(for tenant: Tenant, atMost limit: Duration) async {
    guard !isClosed else { return }
    let waiter = Waiter()
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let timer = LoopTimer(after: limit) { waiter.resume?() }
      waiter.resume = {
        waiter.resume = nil
        timer.cancel()
        continuation.resume()
      }
      waiters[tenant, default: []].append(waiter)
    }
    waiters[tenant]?.removeAll { $0 === waiter }
    if waiters[tenant]?.isEmpty == true { waiters[tenant] = nil }
  }

  /// Wakes those who wait for a tenant's events.
  func wake(_ tenant: Tenant) {
    for waiter in waiters[tenant] ?? [] { waiter.resume?() }
  }

  /// Wakes all, for the last time.
  func close() {
    isClosed = true
    for tenant in waiters.keys { wake(tenant) }
  }
}
