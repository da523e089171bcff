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

  private let host: String
  private let port: UInt16
  private let tls: TLSContext?
  private let serverName: String
  private let connectionsPerAddress: Int
  private var ready: [Link] = []
  private var turn = 0
  private var callsInTurn = 0
  private var isMarked = false
  private var slots: [SocketAddress: [Slot]] = [:]
  private var lastFault: Fault?
  private var isStarted = false
  private var isClosed = false
  private var isResolving = false
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var resolveTimer: LoopTimer?

  init(host: String, port: UInt16, tls: TLSContext?, serverName: String, connectionsPerAddress: Int)
  {
    self.host = host
    self.port = port
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

  /// Waits while the first connection is being made, and no longer.
  func waitForConnection(by deadline: Instant) async throws(Fault) {
    guard ready.isEmpty else { return }
    guard !isClosed else { throw .unavailable("The channel is closed") }
    start()
    // Only while no attempt has failed since the last success is there reason to wait.
    let limit = min(deadline, Instant.now + Balancer.pickTimeout)
    while lastFault == nil, Instant.now < limit, !isClosed, !Task.isCancelled {
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
    for slot in slots.values.joined() { slot.isRetired = true }
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
      do throws(Fault) {
        let addresses = try await EventLoop.resolve(host: host, port: port)
        update(addresses)
      } catch {
        failed(error)
        // The name's server may be down while the services are up: what is connected stays.
        if slots.isEmpty {
          _ = LoopTimer(after: Balancer.pauseMax) { [weak self] in self?.resolve() }
        }
      }
      isResolving = false
    }
  }

  private func update(_ addresses: [SocketAddress]) {
    guard !isClosed else { return }
    for (address, retired) in slots where !addresses.contains(address) {
      for slot in retired {
        slot.isRetired = true
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
          failed(error)
          await EventLoop.sleep(for: pause * Double.random(in: 1...1.5))
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
    var isRetired = false
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
