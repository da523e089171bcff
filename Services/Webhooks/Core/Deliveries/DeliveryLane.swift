internal import EventLoop
internal import Primitives
internal import WebhooksSending

/// What this process has of one webhook: deliveries that it has claimed, and what the webhook admits.
///
/// So much of each that no webhook takes all of the memory, the sender or the database, however much waits for it.
@EventLoop
final class DeliveryLane {
  /// How many deliveries of one webhook wait in memory.
  static let heldMax = 1_024
  /// How many of one whose receiver is slow, or of which nothing is known.
  static let slowMax = 32
  /// For how many seconds of deliveries there is room beyond: so that none waits here for as long as its lease.
  private static let paceSeconds = 10
  /// For how many seconds of deliveries a webhook with a rate has room: less than a lease.
  private static let rateSeconds = 20

  /// Whether a delivery may be made.
  enum Admission {
    case now
    /// Not before this has passed.
    case after(Duration)
    /// Not before one under way has ended.
    case whenOneEnds
    /// The webhook fails; all that waits is put off.
    case putOff(Duration)
  }

  let endpointID: UUID
  let tenant: Tenant
  private(set) var receiver: Receiver?
  private var limiter: EndpointLimiter?
  private var breaker = CircuitBreaker()
  private var pace = DeliveryPace()
  private var waiting: [ClaimedDelivery] = []
  private var head = 0
  /// When no more than so many wait the next are fetched: half of what there was room for last.
  private(set) var lowWater = 0
  /// Set once the next were asked for, until they come.
  var hasAsked = false
  /// Set while the webhook is read.
  var isLoading = false
  /// Set while its deliveries are begun.
  var isPumping = false
  /// Wakes the lane when its rate admits the next.
  lazy var alarm = LoopTimer { [unowned self] in wake?(self) }
  var wake: (@EventLoop (DeliveryLane) -> Void)?
  /// Until when nothing is claimed, since the webhook fails.
  private(set) var putOffUntil: Instant?
  /// Until when nothing is made, since the receiver is gone and the webhook about to be disabled.
  private var goneUntil: Instant?
  /// How often it was told that the webhook was changed, and how often it was before it was last read.
  private(set) var changeCount = 0
  private var readChangeCount = 0
  /// The newest version that a delivery was claimed under.
  private var version: Int32 = 0
  private(set) var lastUsed = Instant.now
  /// How many deliveries have come to their end.
  private(set) var endedCount = 0

  init(endpointID: UUID, tenant: Tenant) {
    self.endpointID = endpointID
    self.tenant = tenant
  }

  var waitingCount: Int { waiting.count - head }
  var underWayCount: Int { limiter?.underWay ?? 0 }
  var isIdle: Bool { waitingCount == 0 && underWayCount == 0 && !isLoading && !breaker.isOpen }
  var next: ClaimedDelivery? { head < waiting.count ? waiting[head] : nil }

  /// Whether nothing is made for a while, since the webhook fails or its receiver is gone.
  func isPutOff(at now: Instant) -> Bool {
    if let putOffUntil, putOffUntil > now { return true }
    if let goneUntil, goneUntil > now { return true }
    return false
  }

  /// How many deliveries it takes at most: no more than it makes in some seconds, so that receivers that are slow do not
  /// fill the memory, though they answer.
  func capacity(at now: Instant) -> Int {
    let made = max(Self.slowMax, pace.perSecond(at: now) * Self.paceSeconds)
    guard let rate = receiver?.perSecond else { return min(Self.heldMax, made) }
    return min(Self.heldMax, made, rate * Self.rateSeconds)
  }

  /// How many more deliveries it takes now.
  func room(at now: Instant) -> Int {
    isPutOff(at: now) ? 0 : max(0, capacity(at: now) - waitingCount)
  }

  /// Whether it has so few that more are claimed.
  func isLow(at now: Instant) -> Bool { waitingCount * 2 <= capacity(at: now) }

  func add(_ deliveries: [ClaimedDelivery]) {
    lastUsed = Instant.now
    for delivery in deliveries { version = max(version, delivery.endpointVersion) }
    waiting.append(contentsOf: deliveries)
    lowWater = waitingCount / 2
    hasAsked = false
  }

  func removeNext() {
    head += 1
    guard head == waiting.count || head > Self.heldMax else { return }
    waiting.removeFirst(head)
    head = 0
  }

  /// Takes out all that waits.
  func removeAll() -> [ClaimedDelivery] {
    // The loop keeps a timer that runs, whoever else is gone.
    alarm.cancel()
    defer {
      waiting = []
      head = 0
    }
    return Array(waiting[head...])
  }

  /// Notes that the webhook was changed: what was read of it before is old.
  func noteChange() {
    changeCount += 1
    goneUntil = nil
    putOffUntil = nil
  }

  /// Makes nothing for a while, since the receiver is gone.
  func stop(until moment: Instant) { goneUntil = moment }

  /// Whether the webhook must be read before what waits is made.
  func needsLoading(at now: Timestamp) -> Bool {
    guard let receiver, readChangeCount == changeCount else { return true }
    if let end = receiver.isValidUntil, end <= now { return true }
    return receiver.version < version
  }

  /// Takes up how deliveries are made from now on.
  ///
  /// - Parameters:
  ///   - receiver: Made of the webhook.
  ///   - changeCount: What ``changeCount`` was before the webhook was read.
  ///   - now: The time.
  func use(_ receiver: Receiver, asOf changeCount: Int, at now: Instant) {
    let old = self.receiver
    self.receiver = receiver
    readChangeCount = changeCount
    // Another receiver may work where the one before did not.
    if old?.url != receiver.url { breaker = CircuitBreaker() }
    guard
      old?.concurrentMax != receiver.concurrentMax || old?.perSecond != receiver.perSecond
    else { return }
    var limiter = EndpointLimiter(
      concurrentMax: receiver.concurrentMax,
      perSecond: receiver.perSecond,
      at: now
    )
    // What is under way goes on counting.
    for _ in 0..<min(underWayCount, receiver.concurrentMax) { _ = limiter.admit(at: now) }
    self.limiter = limiter
  }

  /// Asks whether a delivery may be made; whoever is admitted must ``ended(_:at:)``.
  func admit(at now: Instant) -> Admission {
    if let goneUntil, goneUntil > now { return .putOff(goneUntil - now) }
    switch limiter?.admit(at: now) {
    case .now: break
    case .after(let pause): return .after(pause)
    case .whenOneEnds, nil: return .whenOneEnds
    }
    switch breaker.admit(at: now) {
    case .now:
      putOffUntil = nil
      pace.begin(at: now)
      return .now
    case .after(let pause):
      limiter?.end()
      putOffUntil = now + pause
      return .putOff(pause)
    case .whenProbeEnds:
      limiter?.end()
      putOffUntil = now + CircuitBreaker.shortestPause
      return .putOff(CircuitBreaker.shortestPause)
    }
  }

  /// Takes in what came of a delivery.
  func ended(_ verdict: Verdict, at now: Instant) {
    lastUsed = now
    endedCount += 1
    if underWayCount > 0 { limiter?.end() }
    pace.ended(at: now)
    if underWayCount == 0, waitingCount == 0 { pace.rest(at: now) }
    breaker.record(verdict, at: now)
    if !breaker.isOpen { putOffUntil = nil }
  }
}
