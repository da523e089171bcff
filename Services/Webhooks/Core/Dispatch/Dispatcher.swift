internal import Changes
internal import EventLoop
internal import Faults
internal import Logging
internal import Messages
internal import Postgres
internal import Primitives

/// Gives committed events their place in the feed, and makes deliveries of them.
///
/// Any number of processes may do so: the row of a tenant's feed is locked by one at a time, and the others go on to
/// the next tenant. Everything of a batch is one transaction: an event leaves the outbox, is in the feed, and has its
/// deliveries, or nothing of it.
///
/// Some tenants are worked on at a time, each in a task of its own, so that one whose transaction waits keeps no other
/// waiting.
@EventLoop
final class Dispatcher {
  /// How often to look when nobody tells: producers that died between their commit and their word.
  static let interval = Duration.seconds(1)
  /// Events of one transaction: some milliseconds of work.
  private static let eventsMax = 500
  /// Deliveries of one transaction, where there are many webhooks: some hundred milliseconds of work.
  private static let deliveriesMax = 20_000
  /// Tenants that one look finds, and how many of them are worked on at a time.
  private static let tenantsMax: Int32 = 256
  private static let atOnceMax = 4

  private let store: DispatchStore
  private let deliveries: DeliveryStore
  private let deliverer: Deliverer
  private let renderer = EventRenderer()
  private let now: @Sendable () -> Timestamp
  private let log = Logger(label: "dispatcher")
  private var subscription: Subscription?
  private var timer: LoopTimer?
  private var isWanted = false
  private var isStopping = false
  /// The look for tenants that is under way.
  private var looking: Task<Void, Never>?
  private var lastServed = UUID(high: 0, low: 0)
  /// Tenants that the last look found, and whose turn has not come.
  private var waiting: ArraySlice<Tenant> = []
  /// Tenants that are worked on.
  private var busy: [Tenant: Task<Void, Never>] = [:]
  /// How many of them wait for their webhooks, and keep nobody else from their turn.
  private var restingCount = 0
  /// Those of them that were found to have events waiting meanwhile.
  private var foundAgain: Set<Tenant> = []
  /// Tenants whose last batch could not be written.
  private var failing: Set<Tenant> = []
  private var isLookFailing = false
  /// Told when events were added to a tenant's feed.
  var appended: (@EventLoop (Tenant) -> Void)?

  init(
    store: DispatchStore,
    deliveries: DeliveryStore,
    deliverer: Deliverer,
    now: @escaping @Sendable () -> Timestamp
  ) {
    self.store = store
    self.deliveries = deliveries
    self.deliverer = deliverer
    self.now = now
  }

  /// Begins to work whenever events are committed.
  func start() {
    subscription = store.database.listen(EventChannel.name) { [unowned self] _ in wake() }
    timer = LoopTimer(every: Self.interval) { [unowned self] in wake() }
    wake()
  }

  /// Lets the batch under way come to its end.
  func stop() async {
    isStopping = true
    timer?.cancel()
    timer = nil
    subscription?.cancel()
    await looking?.value
    for task in busy.values { await task.value }
  }

  /// Looks for events, now.
  func wake() {
    isWanted = true
    goOn()
  }

  /// Begins with those whose turn comes, and looks for others when there are none.
  private func goOn() {
    guard !isStopping else { return }
    while hasTurn, let tenant = waiting.popFirst() {
      if busy[tenant] == nil {
        busy[tenant] = EventLoop.spawn { [self] in await work(on: tenant) }
      } else {
        foundAgain.insert(tenant)
      }
    }
    guard isWanted, waiting.isEmpty, looking == nil, hasTurn else { return }
    isWanted = false
    looking = EventLoop.spawn { [self] in
      await look()
      looking = nil
      goOn()
    }
  }

  private var hasTurn: Bool { busy.count - restingCount < Self.atOnceMax }

  /// Finds the next tenants that have events waiting.
  private func look() async {
    do throws(Fault) {
      let tenants = try await store.waitingTenants(behind: lastServed, count: Self.tenantsMax)
      if tenants.count == Int(Self.tenantsMax) { isWanted = true }
      lastServed = tenants.last?.accountID ?? lastServed
      waiting = tenants[...]
      isLookFailing = false
    } catch {
      // A database that is gone for a while makes one line.
      if !isLookFailing { tell(error) }
      isLookFailing = true
    }
  }

  /// Dispatches a tenant's events batch by batch, and gives way where others may wait.
  private func work(on tenant: Tenant) async {
    do throws(Fault) {
      var mayGoOn = true
      while mayGoOn {
        let batch = try await dispatch(tenant)
        failing.remove(tenant)
        guard let batch, batch.isFull else { break }
        await rest(after: batch)
        mayGoOn = !isWanted && waiting.isEmpty && !isStopping
        isWanted = isWanted || !mayGoOn
      }
    } catch {
      if failing.insert(tenant).inserted { tell(error) }
    }
    busy[tenant] = nil
    if foundAgain.remove(tenant) != nil { isWanted = true }
    goOn()
  }

  /// Gives a tenant's webhooks time to send what they were handed before there is more.
  private func rest(after batch: DispatchedBatch) async {
    restingCount += 1
    goOn()
    await deliverer.waitForRoom(for: batch.parallelEndpoints, of: Self.eventsMax)
    restingCount -= 1
  }

  private func tell(_ fault: Fault) {
    log.warning("events could not be dispatched", metadata: ["reason": "\(fault)"])
  }

  /// Dispatches a batch of a tenant's events.
  ///
  /// - Returns: The batch; nil when there was nothing to do, or somebody else does it.
  /// - Throws: Faults of the database.
  private func dispatch(_ tenant: Tenant) async throws(Fault) -> DispatchedBatch? {
    let leaseEnds = Instant.now + ClaimedDelivery.lease
    let changeCount = deliverer.changeCount
    let places = deliverer.promisePlaces()
    defer { deliverer.giveBack(places) }
    let lease = deliverer.makeLease()
    let written: DispatchedBatch?
    do throws(Fault) {
      written = try await write(tenant, under: lease, places: places)
    } catch {
      if let lease, error.mayBeCommitted { deliverer.disown(lease) }
      throw error
    }
    guard let batch = written else { return nil }
    // Webhooks that have changed meanwhile are read again.
    let isCurrent = deliverer.changeCount == changeCount
    deliverer.take(
      batch.held(of: tenant, under: lease, leaseEnds: leaseEnds),
      known: isCurrent ? batch.endpoints : [:]
    )
    appended?(tenant)
    if batch.leavesDue { deliverer.lookForMore() }
    return batch
  }

  /// Writes a batch of a tenant's events.
  ///
  /// - Parameters:
  ///   - tenant: Whose.
  ///   - lease: What this process claims deliveries under; nil when it can claim nothing.
  ///   - places: How many deliveries it has room for.
  /// - Returns: The batch; nil when there is nothing to do, or somebody else does it.
  /// - Throws: Faults of the database.
  private func write(
    _ tenant: Tenant,
    under lease: Lease?,
    places: Int
  ) async throws(Fault) -> DispatchedBatch? {
    try await store.database.transaction(for: tenant) {
      (transaction) async throws(Fault) -> DispatchedBatch? in
      transaction.findByIndex()
      guard let feed = try await store.lockFeed(of: tenant, transaction) else { return nil }
      let count = min(Self.eventsMax, max(1, Self.deliveriesMax / max(1, feed.endpointCount)))
      let (taken, endpoints) = try await store.takeEventsAndReadEndpoints(
        Int32(count),
        of: renderer.kinds,
        for: tenant,
        transaction
      )
      guard !taken.isEmpty else { return nil }
      let events = taken.inFeedOrder()
      let added = try render(events, of: tenant, after: feed.position)
      let isFull = events.count >= count
      var batch = try await plan(added, endpoints, isFull: isFull, transaction)
      let now = now()
      batch.hold(under: lease, at: now, places: places) { deliverer.room(for: $0, of: places) }
      let lines = batch.lines
      deliveries.lockLines(of: Array(Set(lines.map(\.endpointID))), transaction)
      store.append(added, for: tenant, transaction)
      store.enqueue(batch.queued, for: tenant, at: now, transaction)
      store.skip(batch.skipped, for: tenant, at: now, transaction)
      deliveries.advance(lines, at: now, transaction)
      return batch
    }
  }

  private func render(
    _ events: [OutboxEvent],
    of tenant: Tenant,
    after position: Int64
  ) throws(Fault) -> [FeedEvent] {
    var feed: [FeedEvent] = []
    feed.reserveCapacity(events.count)
    for event in events {
      feed.append(
        FeedEvent(
          event: event,
          position: position + Int64(feed.count) + 1,
          body: try renderer.render(event, of: tenant)
        )
      )
    }
    return feed
  }

  /// Says which webhooks are sent which events.
  private func plan(
    _ feed: [FeedEvent],
    _ endpoints: [WebhookEndpoint],
    isFull: Bool,
    _ transaction: Transaction
  ) async throws(Fault) -> DispatchedBatch {
    var batch = DispatchedBatch(endpoints, isFull: isFull)
    let choosy = endpoints.filter(EventFilter.choosesByMetadata)
    var matches: [Int: Set<UUID>] = [:]
    if !choosy.isEmpty {
      var metadata: [JSONB] = []
      for item in feed { metadata.append(try item.event.metadataOfLicense()) }
      matches = try await store.matches(of: metadata, choosy.map(\.id), transaction)
    }
    for (number, item) in feed.enumerated() {
      for endpoint in endpoints {
        guard
          EventFilter.admits(endpoint, type: item.event.type, product: item.event.productID)
        else { continue }
        if EventFilter.choosesByMetadata(endpoint) {
          guard item.event.licenseID != nil, matches[number]?.contains(endpoint.id) == true else {
            continue
          }
        }
        batch.add(item, for: endpoint)
      }
    }
    return batch
  }
}

extension OutboxEvent {
  /// The metadata of the license that the event is about; an empty object where there is none.
  fileprivate func metadataOfLicense() throws(Fault) -> JSONB {
    if let licenseMetadata { return licenseMetadata }
    guard type.hasPrefix("license.") else { return JSONB(text: Array("{}".utf8)) }
    let license = try payload.span.withUnsafeBytes { (bytes) throws(Fault) in
      try License(decoding: bytes)
    }
    return JSONB(text: license.metadata)
  }
}
