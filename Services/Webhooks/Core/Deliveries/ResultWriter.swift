internal import EventLoop
internal import Faults
internal import Logging
internal import Primitives
internal import WebhooksSending

/// Writes what became of deliveries, in batches: what has gathered while one batch is written is the next.
@EventLoop
final class ResultWriter {
  /// The most that one transaction writes.
  private static let batchMax = 1_000
  /// How long to wait when the database did not take a batch.
  private static let pause = Duration.seconds(1)

  private let deliveries: DeliveryStore
  private let now: @Sendable () -> Timestamp
  private let written: @EventLoop (Int) -> Void
  private let log = Logger(label: "deliveries")
  private var gathered: [DeliveryResult] = []
  private var writing: Task<Void, Never>?
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
    guard !results.isEmpty else { return }
    gathered.append(contentsOf: results)
    guard writing == nil else { return }
    writing = EventLoop.spawn { [self] in
      await write()
      writing = nil
    }
  }

  /// Writes all there is, or gives up when the database does not take it: leases end by themselves.
  func finish() async {
    isEnding = true
    await writing?.value
  }

  private func write() async {
    while !gathered.isEmpty {
      let batch = Array(gathered.prefix(Self.batchMax))
      gathered.removeFirst(batch.count)
      var groups: [Tenant: [DeliveryResult]] = [:]
      for result in batch { groups[result.delivery.tenant, default: []].append(result) }
      let failed = await withTaskGroup(of: [DeliveryResult].self) { group in
        for (tenant, results) in groups {
          group.addTask { @EventLoop @Sendable [self] in await write(results, of: tenant) }
        }
        var failed: [DeliveryResult] = []
        for await results in group { failed += results }
        return failed
      }
      guard !failed.isEmpty else { continue }
      if isEnding { return }
      gathered = failed + gathered
      await EventLoop.sleep(for: Self.pause)
    }
  }

  /// Writes what became of a tenant's deliveries.
  ///
  /// - Returns: What could not be written.
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
        metadata: ["reason": "\(error.message)"]
      )
      return results
    }
  }
}
