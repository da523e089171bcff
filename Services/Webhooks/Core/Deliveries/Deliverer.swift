internal import EventLoop
internal import Faults
internal import Logging
internal import Messages
internal import Postgres
internal import Primitives
internal import WebhooksSending

/// Makes deliveries: claims what is due, sends it, and writes what came of it.
///
/// Everything that is due is in the database; here is only what this process has claimed, bounded as a whole and for
/// each webhook. When the process dies others take its claims back and make the deliveries: at least once, never lost.
@EventLoop
final class Deliverer {
  /// How many one claim brings: as many as fit into some tens of megabytes when every event is as large as can be.
  private static let claimMax = 512
  /// How often to look for what has become due.
  static let interval = Duration.milliseconds(500)
  /// How often to look for claims of processes that have died.
  private static let takeBackInterval = Duration.seconds(1)
  /// How long attempts under way may take when the service stops.
  private static let stopLimit = Duration.seconds(5)
  /// For how long a webhook that was not used is remembered.
  private static let idleLimit = Duration.seconds(300)
  /// How long to wait before what could not be read is tried again.
  private static let troublePause = Duration.seconds(5)

  private let deliveries: DeliveryStore
  private let endpoints: EndpointStore
  private let sender: HTTPSender
  private let receivers: ReceiverMaker
  private let schedule: RetrySchedule
  private let now: @Sendable () -> Timestamp
  private let log = Logger(label: "deliverer")
  private(set) lazy var writer = ResultWriter(deliveries: deliveries, now: now) { [unowned self] in
    written($0)
  }

  /// Who this process is to the others.
  let worker: Worker
  /// What is counted of attempts.
  let counts = DeliveryCounts()
  private(set) var lanes: [UUID: DeliveryLane] = [:]
  /// Claimed and not yet written.
  private(set) var heldCount = 0
  /// Places kept for what is being dispatched or claimed.
  var promisedCount = 0
  private var underWayCount = 0
  private var timer: LoopTimer?
  private var takeBackTimer: LoopTimer?
  private var takingBack: Task<Void, Never>?
  private var claiming: Task<Void, Never>?
  private var isClaimWanted = false
  /// Whether more is due than there was room for.
  private var isMoreDue = false
  /// Whether a claim could not bring as much as one may, since there is too much in memory.
  private var isOutOfRoom = false
  private var lastServed = UUID(high: 0, low: 0)
  private(set) var isStopping = false
  private var lastPruned = Instant.now
  private var subscription: Subscription?
  private var lastLeaseBegan = Timestamp.earliest
  /// Under which something may be claimed that is not in memory: the answer was lost.
  private var lostLeases: [Lease] = []
  /// How often webhooks were said to have changed: what was read before that may be old.
  private(set) var changeCount = 0

  init(
    deliveries: DeliveryStore,
    endpoints: EndpointStore,
    sender: HTTPSender,
    receivers: ReceiverMaker,
    schedule: RetrySchedule,
    now: @escaping @Sendable () -> Timestamp
  ) {
    self.deliveries = deliveries
    self.endpoints = endpoints
    self.sender = sender
    self.receivers = receivers
    self.schedule = schedule
    self.now = now
    worker = Worker(of: deliveries.database)
  }

  // MARK: Beginning and end

  /// Begins to look for what is due.
  func start() {
    worker.start { [unowned self] in look() }
    subscription = deliveries.database.listen(EndpointChannel.name) { [unowned self] event in
      switch event {
      // What was said while nobody listened is not known.
      case .listening: for endpoint in Array(lanes.keys) { forget(endpoint) }
      case .notified(let payload): if let endpoint = UUID(payload) { forget(endpoint) }
      }
    }
    timer = LoopTimer(every: Self.interval) { [unowned self] in look() }
    takeBackTimer = LoopTimer(every: Self.takeBackInterval) { [unowned self] in takeBack() }
    takeBack()
  }

  /// Claims nothing any more, lets attempts under way come to their end for a while, and gives back the rest.
  func stop() async {
    isStopping = true
    subscription?.cancel()
    timer?.cancel()
    timer = nil
    takeBackTimer?.cancel()
    takeBackTimer = nil
    await claiming?.value
    await takingBack?.value
    for lane in lanes.values { release(lane, until: now()) }
    let deadline = Instant.now + Self.stopLimit
    while underWayCount > 0, Instant.now < deadline {
      await EventLoop.sleep(for: .milliseconds(10))
    }
    sender.close()
    while underWayCount > 0 { await EventLoop.sleep(for: .milliseconds(1)) }
    await writer.finish()
    await worker.stop()
  }

  // MARK: What is made

  /// Makes deliveries that this process has claimed.
  ///
  /// - Parameters:
  ///   - claimed: The deliveries.
  ///   - known: Their webhooks, where they were read just now.
  func take(_ claimed: [ClaimedDelivery], known: [UUID: WebhookEndpoint] = [:]) {
    var groups: [UUID: [ClaimedDelivery]] = [:]
    for delivery in claimed { groups[delivery.endpointID, default: []].append(delivery) }
    heldCount += claimed.count
    for (endpoint, deliveries) in groups {
      let lane = lane(of: endpoint, deliveries[0].tenant)
      lane.add(deliveries)
      if lane.needsLoading(at: now()) { load(lane, known[endpoint]) }
      pump(lane)
    }
  }

  private func lane(of endpoint: UUID, _ tenant: Tenant) -> DeliveryLane {
    if let lane = lanes[endpoint] { return lane }
    let lane = DeliveryLane(endpointID: endpoint, tenant: tenant)
    lane.wake = { [unowned self] in pump($0) }
    lanes[endpoint] = lane
    return lane
  }

  /// Makes what a lane admits.
  private func pump(_ lane: DeliveryLane) {
    // What ends at once ends within this loop, which then goes on with the next.
    guard !lane.isLoading, !lane.isPumping, let receiver = lane.receiver else { return }
    lane.isPumping = true
    var late: [ClaimedDelivery] = []
    defer {
      lane.isPumping = false
      // They go on from where they were in the line of what is due.
      if !late.isEmpty { release(late) { $0.dueAt ?? now() } }
    }
    while let delivery = lane.next {
      guard delivery.claimedBy == worker.id else {
        // The session is lost that the number stood for: it is somebody else's already, or soon.
        lane.removeNext()
        heldCount -= 1
        continue
      }
      guard delivery.leaseEnds - Instant.now >= ClaimedDelivery.attemptReserve else {
        lane.removeNext()
        late.append(delivery)
        continue
      }
      // At least one is under way then, and whatever ends comes back here.
      guard lane.underWayCount < sender.shareOfOne else { return }
      switch lane.admit(at: Instant.now) {
      case .now:
        lane.removeNext()
        attempt(delivery, lane, receiver)
        // Early enough for what comes next to be here when it is wanted.
        if isMoreDue, !lane.hasAsked, lane.waitingCount <= lane.lowWater {
          lane.hasAsked = true
          look()
        }
      case .after(let pause):
        lane.alarm.start(after: pause)
        return
      case .whenOneEnds:
        return
      case .putOff(let pause):
        release(lane, until: now() + pause)
        return
      }
    }
  }

  private func attempt(_ delivery: ClaimedDelivery, _ lane: DeliveryLane, _ receiver: Receiver) {
    underWayCount += 1
    let startedAt = now()
    guard let body = delivery.body else {
      return ended(.givenUp(delivery, because: "The event is no longer kept", at: startedAt), lane)
    }
    let request = receiver.request(delivery, body, at: startedAt)
    sender.send(request) { [self] outcome in
      counts.note(outcome, of: delivery, at: now())
      let attempt = DeliveryAttempt(
        outcome,
        requestHead: delivery.keptHead(at: startedAt).text(of: request),
        startedAt: startedAt
      )
      ended(
        DeliveryResult.of(
          outcome,
          delivery,
          attempt,
          by: schedule,
          at: now(),
          random: Double.random(in: 0..<1)
        ),
        lane
      )
    }
  }

  private func ended(_ result: DeliveryResult, _ lane: DeliveryLane) {
    underWayCount -= 1
    lane.ended(result.verdict, at: Instant.now)
    writer.add([result])
    if result.verdict == .gone {
      // What waits is for whoever enables the webhook again, and no dead letter.
      lane.stop(until: Instant.now + Self.troublePause)
      release(lane, until: now())
    }
    pump(lane)
  }

  /// Gives back what a lane has not begun.
  private func release(_ lane: DeliveryLane, until moment: Timestamp) {
    release(lane.removeAll()) { _ in moment }
  }

  /// Gives back what was not begun, each until a moment.
  private func release(
    _ deliveries: [ClaimedDelivery],
    until moment: (ClaimedDelivery) -> Timestamp
  ) {
    writer.add(
      deliveries.map { delivery in
        DeliveryResult(
          delivery: delivery,
          fate: .released(at: moment(delivery)),
          attempt: nil,
          verdict: .undecided,
          at: now()
        )
      }
    )
  }

  private func written(_ count: Int) {
    heldCount -= count
    if isOutOfRoom, shareOfFree >= Self.claimMax { look() }
  }

  // MARK: Webhooks

  /// Reads how a lane's deliveries are made.
  private func load(_ lane: DeliveryLane, _ known: WebhookEndpoint?) {
    guard !lane.isLoading else { return }
    lane.isLoading = true
    EventLoop.spawn { [self] in
      await load(lane, from: known)
      lane.isLoading = false
      // It may have changed while it was read.
      if lane.waitingCount > 0, lane.needsLoading(at: now()) { load(lane, nil) } else { pump(lane) }
    }
  }

  /// Takes up that a webhook was changed, disabled or deleted.
  ///
  /// What waits for it is given back, and it is read again before anything more is made; what is under way comes to its end.
  func forget(_ endpoint: UUID) {
    changeCount += 1
    guard let lane = lanes[endpoint] else { return }
    lane.noteChange()
    release(lane, until: now())
  }

  private func load(_ lane: DeliveryLane, from known: WebhookEndpoint?) async {
    do throws(Fault) {
      let changeCount = lane.changeCount
      var endpoint = known
      if endpoint == nil { endpoint = try await endpoints.get(lane.tenant, id: lane.endpointID) }
      guard let endpoint, endpoint.isEnabled else {
        // Deleted or disabled meanwhile: nobody claims them.
        return release(lane, until: now())
      }
      let receiver = try await receivers.receiver(of: endpoint, at: now())
      lane.use(receiver, asOf: changeCount, at: Instant.now)
    } catch {
      log.warning(
        "a webhook cannot be used now",
        metadata: ["webhook": "\(lane.endpointID)", "reason": "\(error.message)"]
      )
      if error.code == .failedPrecondition {
        refuse(lane, error.message)
      } else {
        release(lane, until: now() + Self.troublePause)
      }
    }
  }

  /// Counts an attempt of each delivery that waits, since it cannot be made as the webhook is.
  private func refuse(_ lane: DeliveryLane, _ reason: String) {
    let moment = now()
    writer.add(
      lane.removeAll().map { delivery in
        let outcome = Outcome(failure: .blockedAddress, detail: reason)
        counts.note(outcome, of: delivery, at: moment)
        return DeliveryResult.of(
          outcome,
          delivery,
          DeliveryAttempt(startedAt: moment.milliseconds, durationMs: 0, error: reason),
          by: schedule,
          at: moment,
          random: Double.random(in: 0..<1)
        )
      }
    )
  }

  // MARK: Claiming

  /// Looks for what is due, now.
  func look() {
    guard !isStopping else { return }
    isClaimWanted = true
    guard claiming == nil else { return }
    claiming = EventLoop.spawn { [self] in
      await claim()
      claiming = nil
    }
  }

  /// Looks again as soon as there is room, since there is more than was taken.
  func lookForMore() {
    isMoreDue = true
    look()
  }

  private func claim() async {
    prune()
    while isClaimWanted, !isStopping {
      isClaimWanted = false
      isMoreDue = false
      let turnBegan = lastServed
      var isOver = false
      while !isOver, !isStopping { isOver = await claim(inTurnBehind: turnBegan) }
    }
  }

  /// Claims once.
  ///
  /// - Parameter turnBegan: The webhook behind which this turn past all of them began.
  /// - Returns: Whether the turn is over, or cannot go on now.
  private func claim(inTurnBehind turnBegan: UUID) async -> Bool {
    let share = min(Self.claimMax, shareOfFree)
    isOutOfRoom = share < Self.claimMax
    guard share > 0, let lease = makeLease() else { return true }
    promisedCount += share
    defer { giveBack(share) }
    let now = Instant.now
    let eachMax = min(share, room(of: nil, at: now))
    var rooms: [UUID: Int] = [:]
    var isAnyFull = false
    for (endpoint, lane) in lanes {
      let isLow = lane.isLow(at: now)
      let room = isLow ? min(share, room(of: lane, at: now)) : 0
      if room != eachMax { rooms[endpoint] = room }
      // What is put off is given back: it has nothing that it could go on with.
      if !isLow, !lane.isPutOff(at: now) { isAnyFull = true }
    }
    do throws(Fault) {
      let claim = try await deliveries.claim(
        for: lease,
        at: self.now(),
        behind: lastServed,
        turnBegan: turnBegan,
        rooms: rooms,
        eachMax: Int32(eachMax),
        totalMax: Int32(share)
      )
      let claimed = claim.deliveries
      lastServed = claim.stoppedAt ?? claimed.last?.endpointID ?? lastServed
      if claimed.count >= min(eachMax, share) || isAnyFull { isMoreDue = true }
      // There may be more of those that were served first.
      if claim.stoppedAt == nil, claimed.count == share { isClaimWanted = true }
      take(claimed)
      return claim.stoppedAt == nil
    } catch {
      log.debug("nothing could be claimed", metadata: ["reason": "\(error.message)"])
      // What was claimed and cannot be read is lost as well.
      if error.mayBeCommitted || error.code == .internalError { disown(lease) }
      return true
    }
  }

  /// Begins a lease like no other of this worker: what is claimed under it can be told from everything else.
  ///
  /// - Returns: Nil when nothing can be claimed.
  func makeLease() -> Lease? {
    guard let worker = worker.id else { return nil }
    let began = max(now(), lastLeaseBegan + .milliseconds(1))
    lastLeaseBegan = began
    return Lease(worker: worker, began: began)
  }

  /// Has what may be claimed under a lease given back, since the answer was lost and nothing of it is in memory.
  func disown(_ lease: Lease) { lostLeases.append(lease) }

  private func releaseLost() async throws(Fault) {
    while let lease = lostLeases.popLast() {
      // What was claimed by another number is taken back anyway, and so is what has been claimed for long.
      guard lease.worker == worker.id, lease.ends > now() else { continue }
      do throws(Fault) {
        try await deliveries.release(lease, at: now())
      } catch {
        lostLeases.append(lease)
        throw error
      }
    }
  }

  /// Looks for claims of processes that have died.
  private func takeBack() {
    guard !isStopping, takingBack == nil else { return }
    takingBack = EventLoop.spawn { [self] in
      do throws(Fault) {
        try await releaseLost()
        let count = try await deliveries.takeBack(at: now())
        if count > 0 {
          log.notice(
            "claims of a process that ended were taken back",
            metadata: ["count": "\(count)"]
          )
          look()
        }
      } catch {
        log.debug("claims could not be looked at", metadata: ["reason": "\(error.message)"])
      }
      takingBack = nil
    }
  }

  /// Forgets webhooks that have not been used for long.
  private func prune() {
    let now = Instant.now
    guard now - lastPruned >= Self.idleLimit else { return }
    lastPruned = now
    lanes = lanes.filter { !$0.value.isIdle || now - $0.value.lastUsed < Self.idleLimit }
  }
}
