public import Faults
public import Metrics
internal import WebhooksSending

extension Webhooks {
  /// How often ``lookAtQueues()`` is to be called.
  public nonisolated static let queuesInterval = Duration.seconds(10)

  /// Looks how much waits in the database, for metrics.
  ///
  /// - Throws: ``Fault`` of the database; metrics then tell what was last seen.
  public func lookAtQueues() async throws(Fault) { try await queues.refresh() }

  private static let held = Metric(
    "latchkey_webhooks_deliveries_held",
    .gauge,
    "Deliveries that this process has claimed and not yet written the result of."
  )
  private static let underWay = Metric(
    "latchkey_webhooks_requests_under_way",
    .gauge,
    "Requests to receivers that are being sent or wait for their reply."
  )
  private static let waiting = Metric(
    "latchkey_webhooks_requests_waiting",
    .gauge,
    "Requests to receivers that wait for a place."
  )

  /// Tells of deliveries and queues.
  public func collect(into exposition: inout Exposition) {
    queues.collect(into: &exposition)
    deliverer.counts.collect(into: &exposition)
    exposition.add(Self.held, deliverer.heldCount)
    exposition.add(Self.underWay, sender.underWayCount)
    exposition.add(Self.waiting, sender.waitingCount)
  }
}
