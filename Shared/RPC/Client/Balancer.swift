internal import EventLoop
internal import Faults
internal import HTTP
internal import TLS

/// The connections of a channel: made in the background, given out in turn.
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
  /// How often the name is resolved again, so that new replicas are found.
  private static let resolveInterval = Duration.seconds(30)

  /// Names or addresses with their ports, all of the same service.
  private let hosts: [(name: String, port: UInt16)]
  private let tls: TLSContext?
  private let serverName: String
  private let connectionsPerAddress: Int
  private var ready: [Link] = []
  private var turn = 0
  private var callsInTurn = 0
  private var isMarked = false
  /// What each host resolved to when it last did.
  private var resolved: [[SocketAddress]]
  private var slots: [SocketAddress: [Slot]] = [:]
  private var lastFault: Fault?
  private var isStarted = false
  private var isClosed = false
  private var isResolving = false
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var resolveTimer: LoopTimer?

  init(
    hosts: [(name: String, port: UInt16)],
    tls: TLSContext?,
    serverName: String,
    connectionsPerAddress: Int
  ) {
    self.hosts = hosts
    resolved = Array(repeating: [], count: hosts.count)
    self.tls = tls
    self.serverName = serverName
    self.connectionsPerAddress = connectionsPerAddress
  }

  /// The connection whose turn it is; nil while there is none.
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
  func waitForConnection(by deadline: Instant) async throws(Fault) {
    guard ready.isEmpty else { return }
    guard !isClosed else { throw .unavailable("The channel is closed") }
    start()
    let limit = min(deadline, Instant.now + Balancer.pickTimeout)
    while isHopeful, Instant.now < limit, !isClosed, !Task.isCancelled {
      let timer = LoopTimer { [self] in wakeAll() }
      timer.start(at: limit)
      await withCheckedContinuation { waiting.append($0) }
      timer.cancel()
      guard ready.isEmpty else { return }
    }
    throw Fault.unavailable(
      "The service \(serverName) cannot be reached",
      detail: lastFault?.debugDescription
    )
  }

  /// Whether there is reason to wait: names are looked up for the first time, or an address has not failed since it was
  /// last good, or since every one was given another chance.
  private var isHopeful: Bool {
    if slots.isEmpty { return isResolving && lastFault == nil }
    return slots.values.contains { $0.contains(where: \.isHopeful) }
  }

  /// How many connections stand.
  var connectionCount: Int { ready.count }

  /// Whether one stands; where none does, one is made.
  var isConnected: Bool {
    if !isClosed { start() }
    return !ready.isEmpty
  }

  func close() {
    isClosed = true
    resolveTimer?.cancel()
    for slot in slots.values.joined() { slot.retire() }
    slots = [:]
    for link in ready { link.connection.drain() }
    wakeAll()
  }

  private func start() {
    guard !isStarted else { return }
    isStarted = true
    resolve()
    resolveTimer = LoopTimer(every: Balancer.resolveInterval) { [weak self] in self?.resolve() }
  }

  private func resolve() {
    guard !isResolving, !isClosed else { return }
    isResolving = true
    EventLoop.spawn { [self] in
      for (index, host) in hosts.enumerated() {
        do throws(Fault) {
          resolved[index] = try await EventLoop.resolve(host: host.name, port: host.port)
          update()
        } catch {
          // The name's server may be down while the services are up: what is connected stays.
          failed(error)
        }
      }
      isResolving = false
      wakeAll()
      // A host that is not known yet is on its way up.
      if resolved.contains(where: \.isEmpty) {
        _ = LoopTimer(after: Balancer.pauseMax) { [weak self] in self?.resolve() }
      }
    }
  }

  private func update() {
    guard !isClosed else { return }
    let addresses = Set(resolved.joined())
    for (address, retired) in slots where !addresses.contains(address) {
      for slot in retired {
        slot.retire()
        slot.connection?.drain()
      }
      slots[address] = nil
    }
    for address in addresses where slots[address] == nil {
      let made = (0..<connectionsPerAddress).map { _ in Slot() }
      slots[address] = made
      for slot in made { connect(slot, to: address) }
    }
  }

  /// Keeps one connection to an address, for as long as the name resolves to it.
  private func connect(_ slot: Slot, to address: SocketAddress) {
    EventLoop.spawn { [self] in
      var pause = Balancer.pauseFirst
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
          pause = Balancer.pauseFirst
          slot.isHopeful = true
          slot.connection = connection
          let link = Link(connection)
          added(link)
          await withCheckedContinuation { lost in
            connection.whenUnusable { [self] in
              removed(link)
              lost.resume()
            }
          }
          slot.connection = nil
        } catch {
          slot.isHopeful = false
          failed(error)
          await slot.rest(for: pause * Double.random(in: 1...1.5))
          pause = min(pause * 2, Balancer.pauseMax)
        }
      }
    }
  }

  private func added(_ link: Link) {
    lastFault = nil
    ready.append(link)
    wakeAll()
  }

  private func removed(_ link: Link) {
    ready.removeAll { $0 === link }
    link.trunk.drain()
    guard ready.isEmpty, !isClosed else { return }
    // Others may be up again that were not when they were last tried: with replicas that are restarted one after the
    // other, the last connection goes just after the first server has come back.
    for slot in slots.values.joined() { slot.tryNow() }
  }

  private func failed(_ fault: Fault) {
    guard ready.isEmpty else { return }
    lastFault = fault
    wakeAll()
  }

  private func wakeAll() {
    let woken = waiting
    waiting = []
    for continuation in woken { continuation.resume() }
  }

  /// Between our own services the windows may be large.
  private static var limits: HTTPLimits {
    var limits = HTTPLimits()
    limits.streamWindowBytes = 256 * 1024
    limits.connectionWindowBytes = 4 * 1024 * 1024
    return limits
  }

  /// The place of one connection.
  @EventLoop
  private final class Slot {
    var connection: HTTP2ClientConnection?
    /// Whether the address has not failed since it was last good, or given another chance.
    var isHopeful = true
    private(set) var isRetired = false
    private var pause: (timer: LoopTimer, end: CheckedContinuation<Void, Never>)?

    /// Suspends for a while, or until somebody wants it tried.
    func rest(for duration: Duration) async {
      guard !isRetired else { return }
      await withCheckedContinuation { end in
        pause = (LoopTimer(after: duration) { [self] in endPause() }, end)
      }
    }

    /// Gives the address another chance, at once.
    func tryNow() {
      isHopeful = true
      endPause()
    }

    /// Makes no further connection.
    func retire() {
      isRetired = true
      endPause()
    }

    private func endPause() {
      guard let pause else { return }
      self.pause = nil
      pause.timer.cancel()
      pause.end.resume()
    }
  }
}

/// A connection to a server, and the trunk on it.
@EventLoop
final class Link {
  let connection: HTTP2ClientConnection
  let trunk: ClientTrunk

  init(_ connection: HTTP2ClientConnection) {
    self.connection = connection
    trunk = ClientTrunk(connection)
  }
}
