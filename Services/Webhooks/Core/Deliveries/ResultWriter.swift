internal import EventLoop
internal import Faults
internal import Logging
internal import Primitives
internal import WebhooksSending

/// Writes what became of deliveries, in batches: what has gathered of a tenant while one batch of its is written is its
/// next.
///
/// Each tenant has a queue of its own, so that one whose transaction waits or fails keeps no other waiting; a few are
/// written at a time, and the others have their turn after them.
@EventLoop
final class ResultWriter {
  /// The most that one transaction writes.
  private static let batchMax = 1_000
  /// Of how many tenants at a time: as many connections are enough, and leave some to others.
  private static let atOnceMax = 4
  /// How long to wait with a tenant's when the database did not take a batch.
  private static let pause = Duration.seconds(1)
  /// How often to look whether all is written, at the end.
  private static let endInterval = Duration.milliseconds(5)

  /// What has gathered of one tenant.
  @EventLoop
  private final class Queue {
    let tenant: Tenant
    var results: [DeliveryResult] = []
    /// Set while it waits for its turn, is written, or rests since it could not be.
    var isScheduled = false

    init(_ tenant: Tenant) { self.tenant = tenant }
  }

  private let deliveries: DeliveryStore
  private let now: @Sendable () -> Timestamp
  private let written: @EventLoop (Int) -> Void
  private let log = Logger(label: "deliveries")
  private var queues: [Tenant: Queue] = [:]
  /// Those that wait for their turn, in its order.
  private var turns: [Queue] = []
  private var writingCount = 0
  private var isEnding = false
  /// Told of webhooks that are to be disabled.
  var disable: (@EventLoop (Tenant, UUID, EndpointHealth.Disabling) -> Void)?
  /// Told when deliveries of lines may have become due.
  var advanced: (@EventLoop () -> Void)?

  /// Makes a writer.
  ///
  /// - Parameters:
  ///   - deliveries: Where to.
  ///   - now: The clock.
  ///   - written: Told how many results are no longer in memory.
  init(
    deliveries: DeliveryStore,
    now: @escaping @Sendable () -> Timestamp,
    written: @escaping @EventLoop (Int) -> Void
  ) {
    self.deliveries = deliveries
    self.now = now
    self.written = written
  }

  /// Has results written soon.
  func add(_ results: [DeliveryResult]) {
    for result in results {
      let queue = queue(of: result.delivery.tenant)
      queue.results.append(result)
      schedule(queue)
    }
    writeNext()
  }

  /// Writes all there is, or gives up when the database does not take it: leases end by themselves.
  func finish() async {
    isEnding = true
    while !queues.isEmpty { await EventLoop.sleep(for: Self.endInterval) }
  }

  private func queue(of tenant: Tenant) -> Queue {
    if let queue = queues[tenant] { return queue }
    let queue = Queue(tenant)
    queues[tenant] = queue
    return queue
  }

  /// Puts a queue behind the others whose turn comes, unless it has its turn already.
  private func schedule(_ queue: Queue) {
    guard !queue.isScheduled else { return }
    queue.isScheduled = true
    turns.append(queue)
  }

  private func writeNext() {
    while writingCount < Self.atOnceMax, !turns.isEmpty {
      let queue = turns.removeFirst()
      writingCount += 1
      EventLoop.spawn { [self] in await work(on: queue) }
    }
  }

  /// Writes a batch of a tenant's, and has the next written in its turn.
  private func work(on queue: Queue) async {
    let batch = Array(queue.results.prefix(Self.batchMax))
    queue.results.removeFirst(batch.count)
    let failed = await write(batch, of: queue.tenant)
    writingCount -= 1
    writeNext()
    if !failed.isEmpty {
      if isEnding {
        queue.results = []
      } else {
        // Behind what has gathered: what is refused again and again keeps nothing else of the tenant's waiting.
        queue.results += failed
        await EventLoop.sleep(for: Self.pause)
      }
    }
    queue.isScheduled = false
    if queue.results.isEmpty {
      queues[queue.tenant] = nil
    } else {
      schedule(queue)
      writeNext()
    }
  }

  /// Writes what became of a tenant's deliveries.
  ///
  /// - Returns: What could not be written and is to be tried again.
  private func write(_ results: [DeliveryResult], of tenant: Tenant) async -> [DeliveryResult] {
    do throws(Fault) {
      let disabled = try await deliveries.write(results, of: tenant, at: now())
      written(results.count)
      for (endpoint, reason) in disabled { disable?(tenant, endpoint, reason) }
      if results.contains(where: { $0.movedLine != nil }) { advanced?() }
      return []
    } catch {
      log.warning(
        "results of deliveries could not be written",
        metadata: ["account": "\(tenant.accountID)", "reason": "\(error.message)"]
      )
      guard error.code != .unavailable else { return results }
      // One that is refused keeps no other from being written.
      if results.count > 1, error.code != .aborted, error.code != .deadlineExceeded {
        let middle = results.count / 2
        let failed = await write(Array(results[..<middle]), of: tenant)
        return failed + (await write(Array(results[middle...]), of: tenant))
      }
      // What this tenant alone is refused must not fill the memory: once its lease is over it is made again.
      let moment = Instant.now
      let kept = results.filter { $0.delivery.leaseEnds > moment }
      written(results.count - kept.count)
      return kept
    }
  }
}
