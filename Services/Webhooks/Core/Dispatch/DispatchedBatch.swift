internal import EventLoop
internal import Messages
internal import Primitives

/// The deliveries of a batch of events.
struct DispatchedBatch: Sendable {
  /// The tenant's webhooks.
  let endpoints: [UUID: WebhookEndpoint]
  /// Whether there may be more events than it has.
  let isFull: Bool
  /// Those to be made.
  private(set) var queued: [PlannedDelivery] = []
  /// Those that are not made, since the webhook is disabled.
  private(set) var skipped: [PlannedDelivery] = []
  /// Which of ``queued`` this process makes at once.
  private var heldIndices: [Int] = []
  /// When those would be due.
  private var dueAt: Timestamp?

  init(_ endpoints: [WebhookEndpoint], isFull: Bool) {
    self.endpoints = Dictionary(uniqueKeysWithValues: endpoints.map { ($0.id, $0) })
    self.isFull = isFull
  }

  /// Adds the delivery of an event to a webhook.
  mutating func add(_ item: FeedEvent, for endpoint: WebhookEndpoint) {
    // What has no sequence has no order either.
    let isInLine = endpoint.ordering == .ordered && item.event.sequence != nil
    let delivery = PlannedDelivery(
      endpointID: endpoint.id,
      id: .v7(at: item.event.id.moment),
      feed: item,
      linePosition: isInLine ? item.position : nil
    )
    if endpoint.isEnabled { queued.append(delivery) } else { skipped.append(delivery) }
  }

  /// Has this process make as many as it has room for, and leaves the others to whoever claims them.
  ///
  /// - Parameters:
  ///   - lease: Until when those that it makes are nobody else's; nil when it can claim nothing.
  ///   - now: The time, from which on anybody may claim the others.
  ///   - places: How many it has room for in all.
  ///   - room: How many of a webhook it has room for.
  @EventLoop
  mutating func hold(
    under lease: Lease?,
    at now: Timestamp,
    places: Int,
    room: (UUID) -> Int
  ) {
    dueAt = now
    var leftInAll = places
    var left: [UUID: Int] = [:]
    for index in queued.indices where queued[index].linePosition == nil {
      let endpoint = queued[index].endpointID
      let leftOfIt = left[endpoint] ?? room(endpoint)
      left[endpoint] = max(0, leftOfIt - 1)
      if let lease, leftOfIt > 0, leftInAll > 0 {
        leftInAll -= 1
        heldIndices.append(index)
        queued[index].claimedBy = lease.worker
        queued[index].dueAt = lease.ends
      } else {
        queued[index].dueAt = now
      }
    }
  }

  /// Whether there are deliveries that anybody may claim.
  var leavesDue: Bool {
    queued.count > heldIndices.count
  }

  /// The webhooks that deliveries of it go to in any order.
  var parallelEndpoints: [UUID] {
    Array(Set(queued.lazy.filter { $0.linePosition == nil }.map(\.endpointID)))
  }

  /// Those that this process makes.
  func held(of tenant: Tenant, under lease: Lease?, leaseEnds: Instant) -> [ClaimedDelivery] {
    heldIndices.map { index in
      let delivery = queued[index]
      return ClaimedDelivery(
        tenant: tenant,
        endpointID: delivery.endpointID,
        endpointVersion: endpoints[delivery.endpointID]?.version ?? 0,
        id: delivery.id,
        eventID: delivery.feed.event.id,
        eventType: delivery.feed.event.type,
        licenseID: delivery.feed.event.licenseID,
        body: delivery.feed.body,
        dueAt: dueAt,
        leaseEnds: leaseEnds,
        claim: lease
      )
    }
  }

  /// The lines that have grown.
  var lines: [DeliveryLine] {
    var lines: Set<DeliveryLine> = []
    for delivery in queued where delivery.linePosition != nil {
      guard let license = delivery.feed.event.licenseID else { continue }
      lines.insert(DeliveryLine(endpointID: delivery.endpointID, licenseID: license))
    }
    return Array(lines)
  }
}
