internal import CCurl
internal import Curl
public import EventLoop

/// Sends requests to endpoints, over HTTP/2 and HTTP/1.1, and says what came of each.
///
/// Connections are kept and shared between deliveries. Nothing about a receiver can throw: whatever it does is an
/// ``Outcome``. It never connects to an address that ``AddressPolicy`` refuses: names are resolved by ``Destinations``,
/// and libcurl may open sockets to the vetted addresses alone.
@EventLoop
public final class HTTPSender {
  /// Who says which hosts may be called.
  public let destinations: Destinations
  let limits: SendingLimits
  private let userAgent: String
  private lazy var multi = CurlMulti(
    idleConnectionsMax: limits.idleConnectionsMax
  ) { [unowned self] pointer, code in
    underWay[pointer]?.transferred(code)
  }
  /// The transfers that libcurl has.
  private var underWay: [UnsafeMutableRawPointer: Delivery] = [:]
  /// Handles that wait for the next request.
  private var idle: [CurlHandle] = []
  /// Deliveries that have a place.
  private var begun: [ObjectIdentifier: Delivery] = [:]
  /// Deliveries that wait for one, in their order from ``nextWaiting`` on.
  private var waiting: [Delivery] = []
  private var nextWaiting = 0
  private var isBeginning = false
  private var isClosed = false

  /// Handles kept beyond what is under way.
  private static let idleHandlesMax = 64

  /// Makes a sender; a process needs one.
  ///
  /// - Parameters:
  ///   - destinations: Resolves and vets hosts.
  ///   - limits: What deliveries may take.
  ///   - userAgent: How the sender names itself to receivers.
  public init(
    destinations: Destinations,
    limits: SendingLimits = SendingLimits(),
    userAgent: String = "Latchkey-Webhooks/1"
  ) {
    self.destinations = destinations
    self.limits = limits
    self.userAgent = userAgent
  }

  /// How many requests have a place.
  public var underWayCount: Int { begun.count }

  /// How many wait for one.
  public var waitingCount: Int { waiting.count - nextWaiting }

  /// How many requests one receiver should have under way at most: so many that there is a place left for every other,
  /// however many hang.
  ///
  /// A quarter of the places is for receivers of which nothing is under way. Of the others each takes no more than a third
  /// of those that are free, and one in any case.
  public var shareOfOne: Int {
    let kept = limits.concurrentMax / 4
    return max(1, (limits.concurrentMax - underWayCount - waitingCount - kept) / 3)
  }

  /// Sends a request and suspends until it has ended.
  ///
  /// When the task is cancelled the request is given up at once, with ``SendingFailure/cancelled``; the receiver may have
  /// it all the same.
  public func send(_ request: OutgoingRequest) async -> Outcome {
    await Delivery(request, sender: self).run()
  }

  /// Sends a request and tells what came of it, once; a delivery needs no task of its own.
  ///
  /// - Parameters:
  ///   - request: What to send.
  ///   - ended: Called when the request has ended: before this returns where it must not be made at all.
  public func send(_ request: OutgoingRequest, _ ended: @escaping @EventLoop (Outcome) -> Void) {
    Delivery(request, sender: self).run(ended)
  }

  /// Gives up what is under way, closes all connections, and sends nothing any more.
  public func close() {
    isClosed = true
    for delivery in waiting[nextWaiting...] { delivery.cancel() }
    waiting = []
    nextWaiting = 0
    for delivery in begun.values { delivery.cancel() }
    idle = []
    multi.close()
  }

  // MARK: Called by deliveries

  func admit(_ delivery: Delivery) {
    if isClosed {
      delivery.cancel()
    } else if begun.count < limits.concurrentMax {
      begin(delivery)
    } else {
      waiting.append(delivery)
    }
  }

  private func begin(_ delivery: Delivery) {
    begun[ObjectIdentifier(delivery)] = delivery
    delivery.begin()
  }

  /// Starts a delivery's transfer; it is told when it has ended.
  func transfer(_ delivery: Delivery, to addresses: [IPAddress]) -> CurlHandle {
    let handle =
      idle.popLast()
      ?? CurlHandle(
        exchange: Exchange(limits: limits, policy: destinations.policy),
        limits: limits,
        events: multi.events,
        userAgent: userAgent
      )
    handle.prepare(delivery.request, addresses: addresses)
    underWay[handle.pointer] = delivery
    multi.add(handle.pointer)
    return handle
  }

  func ended(_ delivery: Delivery, wasBegun: Bool, _ handle: CurlHandle?) {
    if let handle {
      underWay[handle.pointer] = nil
      multi.remove(handle.pointer)
      if idle.count < HTTPSender.idleHandlesMax, !isClosed { idle.append(handle) }
    }
    guard wasBegun else { return }
    begun[ObjectIdentifier(delivery)] = nil
    beginNext()
  }

  private func beginNext() {
    // One that ends at once, for its host must not be called, comes back here: the loop goes on and not the recursion.
    guard !isBeginning else { return }
    isBeginning = true
    defer { isBeginning = false }
    while begun.count < limits.concurrentMax, nextWaiting < waiting.count {
      let delivery = waiting[nextWaiting]
      nextWaiting += 1
      // Given up while it waited.
      if !delivery.isEnded { begin(delivery) }
    }
    guard nextWaiting == waiting.count || nextWaiting > 1024 else { return }
    waiting.removeFirst(nextWaiting)
    nextWaiting = 0
  }
}
