public import EventLoop
public import Faults
internal import Logging
public import Primitives

/// A Postgres database: a few connections that everybody's statements are pipelined on, and a few more
/// that transactions lease.
///
/// It connects by itself, again and again, once started. While the database is gone every call fails at
/// once with ``Fault`` `unavailable`; while a lost connection is being made again for the first time,
/// calls wait for that. A statement whose outcome is unknown because the connection broke is never
/// repeated, unless it was given as a read.
@EventLoop
public final class Database {
  /// How often idle, stuck and waiting things are looked at.
  ///
  /// The limits they are held to are seconds.
  private static let inspectionInterval: Duration = .milliseconds(500)
  /// How often a database that closes looks whether everybody is done.
  private static let drainInterval: Duration = .milliseconds(5)
  /// A connection that lived this long has proved itself.
  private static let provingTime: Duration = .seconds(1)
  /// How much longer than the server's own limit an answer may take before the connection is given up.
  static let answerGrace: Duration = .seconds(2)

  /// The limits it was made with.
  public let configuration: Configuration
  let target: ConnectionTarget
  var pool: PoolState
  var connections: [PoolState.Slot: Connection] = [:]
  private var connectedSince: [PoolState.Slot: Instant] = [:]
  private var idleSince: [PoolState.Slot: Instant] = [:]
  var sharedWaiters = FIFO<SharedWaiter>()
  var leaseWaiters: [PoolState.Waiter: LeaseWaiter] = [:]
  var nextWaiter = 0
  var subscriptions: [String: [WeakSubscription]] = [:]
  private var rotation = 0
  private var lastFailure: Fault?
  private var inspection: LoopTimer?
  /// Told whenever ``isAvailable`` or ``isConnecting`` may have changed.
  public var onHealthChange: (@EventLoop () -> Void)?
  /// How many connections were lost since the start: for who holds something that ends with its session.
  public private(set) var lostCount = 0
  /// When the certificate ends that the server has shown to the newest connection; nil without TLS.
  public private(set) var certificateExpiry: Timestamp?
  /// Cancel requests under way.
  var cancelCount = 0
  let log = Logger(label: "postgres")
  /// What is counted of the exchanges of all connections.
  let counts = ExchangeCounts()

  /// Makes a database that is not connected yet.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    target = configuration.session
    pool = PoolState(
      sharedCount: configuration.sharedConnections,
      leasedMax: configuration.leasedConnectionsMax,
      waitersMax: configuration.waitingMax
    )
  }

  /// Begins to connect and returns at once: a service starts while its database is still away.
  public func start() {
    guard inspection == nil else { return }
    perform(pool.start())
    inspection = LoopTimer(every: Database.inspectionInterval) { [self] in inspect() }
  }

  /// Whether statements can be run now: what a service's health tells.
  public var isAvailable: Bool { pool.health == .up }

  /// Whether it is not available and no attempt has failed since it last was, so that statements wait for the one that is
  /// under way.
  public var isConnecting: Bool { pool.health == .connecting }

  /// Waits until the database answers.
  ///
  /// - Throws: ``Fault`` `unavailable` when an attempt to connect has failed, with the reason.
  public func check() async throws(Fault) {
    _ = try await read("select 1")
  }

  /// Refuses new statements, lets those under way come to their end for `limit`, then closes everything.
  public func close(within limit: Duration = .seconds(5)) async {
    perform(pool.close())
    onHealthChange?()
    let deadline = Instant.now + limit
    while isBusy, Instant.now < deadline { await EventLoop.sleep(for: Database.drainInterval) }
    inspection?.cancel()
    inspection = nil
    let open = connections.values
    connections = [:]
    for connection in open { connection.close(.shuttingDown) }
  }

  private var isBusy: Bool {
    pool.isLeasing || connections.values.contains { $0.inFlightCount > 0 }
  }

  // MARK: The pool's actions

  func perform(_ actions: [PoolState.Action]) {
    for action in actions {
      switch action {
      case .connect(let slot): EventLoop.spawn { [self] in await connect(slot) }
      case .pause(let slot, let failures):
        let pause = Backoff.pause(failures: failures, random: Double.random(in: 0..<1))
        _ = LoopTimer(after: pause) { [self] in perform(pool.backoffEnded(slot)) }
      case .close(let slot): connections.removeValue(forKey: slot)?.close(.shuttingDown)
      case .lease(let slot, let waiter): lease(slot, to: waiter)
      case .resumeShared: resumeShared(nil)
      case .refuseShared: resumeShared(refusal)
      case .refuse(let waiter): refuse(waiter, refusal)
      }
    }
  }

  private func connect(_ slot: PoolState.Slot) async {
    do throws(Fault) {
      let connection = try await Connection.connect(
        to: target,
        limit: configuration.connectLimit,
        rotation: rotation
      )
      connection.counts = counts
      certificateExpiry = connection.certificateExpiry
      connections[slot] = connection
      connectedSince[slot] = .now
      connection.onEvent = { [self] event in received(event, slot, from: connection) }
      if !isAvailable { log.info("Connected to the database") }
      perform(pool.connected(slot))
      onHealthChange?()
      if slot == 0 { await resubscribe() }
    } catch {
      // The next attempt begins with the next host, as this one's may have said nothing at all.
      rotation += 1
      lastFailure = error
      let wasDown = pool.health == .down
      perform(pool.connectFailed(slot))
      onHealthChange?()
      if !wasDown {
        log.warning("The database is not available", metadata: ["reason": "\(error.detail ?? "")"])
      }
    }
  }

  private func received(
    _ event: Connection.Event,
    _ slot: PoolState.Slot,
    from connection: Connection
  ) {
    switch event {
    case .notified(let channel, let payload): deliver(channel: channel, payload: payload)
    case .closed(let fault):
      guard connections[slot] === connection else { return }
      connections[slot] = nil
      lostCount += 1
      idleSince[slot] = nil
      if let since = connectedSince.removeValue(forKey: slot), .now - since >= Database.provingTime
      {
        pool.proved(slot)
      }
      log.debug("A connection was lost", metadata: ["reason": "\(fault.detail ?? "")"])
      lastFailure = fault
      perform(pool.lost(slot))
      onHealthChange?()
    }
  }

  /// What those are told who cannot be served.
  var refusal: Fault {
    switch pool.health {
    case .closed: .shuttingDown
    case .down: .databaseUnavailable(detail: lastFailure?.detail)
    case .up, .connecting: .tooBusy
    }
  }

  // MARK: Looking after connections

  private func inspect() {
    let now = Instant.now
    let stuckLimit = configuration.statementLimit + Database.answerGrace
    for (slot, connection) in connections {
      connection.closeIfStuck(limit: stuckLimit)
      if let since = connectedSince[slot], now - since >= Database.provingTime { pool.proved(slot) }
    }
    let spare = pool.spareSlots
    for slot in spare {
      let since = idleSince[slot] ?? now
      idleSince[slot] = since
      if now - since > configuration.idleLeaseLimit {
        idleSince[slot] = nil
        perform(pool.discard(slot))
      }
    }
    for slot in idleSince.keys where !spare.contains(slot) { idleSince[slot] = nil }
    refuseOverdue(now)
  }
}

extension Fault {
  /// The process is ending.
  static let shuttingDown = Fault.unavailable("The service is shutting down")
  /// More work than the database takes.
  @usableFromInline static let tooBusy = Fault.unavailable("The database is too busy")
}
