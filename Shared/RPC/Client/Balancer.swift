internal import EventLoop
internal import Faults
internal import HTTP
internal import TLS

/// The connections of a channel: made in the background, and given out in turn where the server says that it takes calls.
///
/// A turn is a tick: calls that begin in the same moment go to one connection, so that they leave in one TLS record and one
/// `send`, and the server reads, works and answers as seldom. Under load that spares both sides every other system call.
@EventLoop
final class Balancer: Flushable {
  /// Calls that make a turn in any case, so that a burst is shared out.
  private static let callsPerTurn = 32
  /// Pauses between attempts at an address that does not answer: the first, and the longest.
  private static let pauseFirst = Duration.milliseconds(50)
  private static let pauseMax = Duration.seconds(2)
  /// The time for a connection to come up.
  private static let connectTimeout = Duration.seconds(3)
  /// The longest that a call waits for a first connection, whatever its deadline: it fails fast.
  private static let pickTimeout = Duration.seconds(1)

  /// Of names or addresses, all of the same service.
  private let resolver: Resolver
  private let tls: TLSContext?
  private let serverName: String
  private let connectionsPerAddress: Int
  /// The service whose health decides; empty for that of the server as a whole.
  private let watchedService: String
  /// The connections whose servers take calls.
  private var ready: [Link] = []
  private var turn = 0
  private var callsInTurn = 0
  private var isMarked = false
  private var slots: [SocketAddress: [Slot]] = [:]
  /// Whether a connection that was good has gone since all addresses were last tried at once.
  private var hasLostProven = false
  private var lastFault: Fault?
  private var isStarted = false
  private var isClosed = false
  private let waiting = WaitingCalls()

  init(
    hosts: [(name: String, port: UInt16)],
    tls: TLSContext?,
    serverName: String,
    connectionsPerAddress: Int,
    healthOf watchedService: String
  ) {
    resolver = Resolver(hosts)
    self.tls = tls
    self.serverName = serverName
    self.connectionsPerAddress = connectionsPerAddress
    self.watchedService = watchedService
  }

  /// The connection whose turn it is; nil while there is none that takes calls.
  func next() -> Link? {
    guard !ready.isEmpty else { return nil }
    if callsInTurn == Balancer.callsPerTurn { endTurn() }
    callsInTurn += 1
    if !isMarked {
      isMarked = true
      EventLoop.flushAtEndOfTick(self)
    }
    return ready[turn % ready.count]
  }

  /// A connection to another replica than the one that a call went to; nil while there is none.
  ///
  /// By chance, so that the calls of a replica that fails are shared out.
  func next(besides attempt: CallAttempt) -> Link? {
    let address = links.first { attempt.wentOut(by: $0) }?.address
    return ready.filter { $0.address != address }.randomElement()
  }

  /// Ends a turn with the tick; called by the loop.
  func flush() {
    isMarked = false
    endTurn()
  }

  private func endTurn() {
    turn &+= 1
    callsInTurn = 0
  }

  /// Waits while a connection may come of an attempt that is under way, and no longer.
  ///
  /// - Throws: ``Fault`` `deadlineExceeded` when the deadline has passed before an attempt had come to its end;
  ///   `unavailable` when none has come otherwise, or too many wait already.
  func waitForConnection(by deadline: Instant) async throws(Fault) {
    guard ready.isEmpty else { return }
    guard !isClosed else { throw .unavailable("The channel is closed") }
    start()
    let limit = min(deadline, Instant.now + Balancer.pickTimeout)
    while isHopeful, Instant.now < limit, !isClosed, !Task.isCancelled {
      guard !waiting.isFull else {
        throw .unavailable(
          "Too many calls wait for the service \(serverName)",
          detail: lastFault?.debugDescription
        )
      }
      await waiting.wait(until: limit)
      guard ready.isEmpty else { return }
    }
    if isHopeful, Instant.now >= deadline {
      throw Fault(.deadlineExceeded, "The deadline passed before there was a connection")
    }
    throw Fault.unavailable(
      links.isEmpty
        ? "The service \(serverName) cannot be reached"
        : "The service \(serverName) takes no calls at the moment",
      detail: lastFault?.debugDescription
    )
  }

  /// Whether there is reason to wait: a name is looked up for the first time, or an address has not failed since it was
  /// last good, or since every one was given another chance.
  ///
  /// A server that says that it takes no calls has failed, as one that does not answer.
  private var isHopeful: Bool {
    resolver.isStarting || slots.values.contains { $0.contains(where: \.isHopeful) }
  }

  /// The connections that stand, whether their servers take calls or not.
  private var links: [Link] { slots.values.joined().compactMap(\.link) }

  /// How many connections stand.
  var connectionCount: Int { links.count }

  /// How many of them are given out.
  var servingCount: Int { ready.count }

  /// Whether one stands; where none does, one is made.
  var isConnected: Bool {
    if !isClosed { start() }
    return !links.isEmpty
  }

  func close() {
    isClosed = true
    resolver.stop()
    let closing = slots.values.joined()
    slots = [:]
    for slot in closing { slot.retire() }
    waiting.wakeAll()
  }

  private func start() {
    guard !isStarted else { return }
    isStarted = true
    resolver.start { [weak self] in self?.resolved($0) }
  }

  private func resolved(_ fault: Fault?) {
    if let fault {
      // The name's server may be down while the services are up: what is connected stays.
      failed(fault)
    } else {
      update()
    }
  }

  private func update() {
    let addresses = resolver.addresses
    for (address, retired) in slots where !addresses.contains(address) {
      slots[address] = nil
      for slot in retired { slot.retire() }
    }
    for address in addresses where slots[address] == nil {
      let made = (0..<connectionsPerAddress).map { _ in Slot() }
      slots[address] = made
      for slot in made { connect(slot, to: address) }
    }
    // It may be the last of the names, and have told nothing new.
    wakeUnlessHopeful()
  }

  /// Keeps one connection to an address, for as long as the name resolves to it.
  private func connect(_ slot: Slot, to address: SocketAddress) {
    EventLoop.spawn { [self] in
      // None before the first repetition: a good connection that is lost is made anew at once.
      var pause = Duration.zero
      while !slot.isRetired {
        do throws(Fault) {
          let connection = try await HTTP2ClientConnection.connect(
            to: address,
            tls: tls,
            serverName: serverName,
            limits: Balancer.limits,
            timeout: Balancer.connectTimeout
          )
          if slot.isRetired {
            connection.close()
            return
          }
          slot.isHopeful = true
          let link = Link(connection, to: address, healthOf: watchedService)
          slot.link = link
          // Its turn comes when the server has said that it takes calls.
          link.health.start { [self] in heard($0, of: link, in: slot) }
          await withCheckedContinuation { lost in
            connection.whenUnusable { [self] in
              removed(link, from: slot)
              lost.resume()
            }
          }
          if slot.isRetired { return }
          if link.isProven { pause = .zero }
          guard pause > .zero else {
            pause = Balancer.pauseFirst
            continue
          }
          // As one that takes no connection: what is behind it is down, or does not want our certificate.
          throw Fault.unavailable("\(address) closes each connection that it has taken")
        } catch {
          slot.isHopeful = false
          failed(error)
          pause = max(pause, Balancer.pauseFirst)
          await slot.rest(for: pause * Double.random(in: 1...1.5))
          pause = min(pause * 2, Balancer.pauseMax)
        }
      }
    }
  }

  /// A server has said that it takes calls, or why it gets none.
  private func heard(_ obstacle: Fault?, of link: Link, in slot: Slot) {
    slot.isHopeful = obstacle == nil
    if let obstacle {
      leave(link)
      failed(obstacle)
    } else if !ready.contains(where: { $0 === link }) {
      lastFault = nil
      ready.append(link)
      waiting.wakeAll()
    }
  }

  /// A connection takes no more calls.
  private func removed(_ link: Link, from slot: Slot) {
    link.health.end()
    link.trunk.drain()
    slot.link = nil
    // Another one is on its way, whatever this one's server has said at last.
    slot.isHopeful = true
    leave(link)
  }

  /// A connection gets no turn.
  private func leave(_ link: Link) {
    guard let index = ready.firstIndex(where: { $0 === link }) else { return }
    ready.remove(at: index)
    if link.isProven { hasLostProven = true }
    // Those that come and go are left to their pauses, or they would have one another tried at once for ever.
    guard ready.isEmpty, !isClosed, hasLostProven else { return }
    hasLostProven = false
    // Others may be up again that were not when they were last tried: with replicas that are restarted one after the
    // other, the last connection goes just after the first server has come back. Those that stand tell by themselves.
    for slot in slots.values.joined() where slot.link == nil { slot.tryNow() }
  }

  private func failed(_ fault: Fault) {
    guard ready.isEmpty else { return }
    lastFault = fault
    wakeUnlessHopeful()
  }

  /// Lets calls that wait fail once there is nothing to wait for; one failure of many concerns none of them.
  private func wakeUnlessHopeful() {
    if !isHopeful { waiting.wakeAll() }
  }

  /// Between our own services the windows may be large.
  private static var limits: HTTPLimits {
    var limits = HTTPLimits()
    limits.streamWindowBytes = 256 * 1024
    limits.connectionWindowBytes = 4 * 1024 * 1024
    return limits
  }
}
