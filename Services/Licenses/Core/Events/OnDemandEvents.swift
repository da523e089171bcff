internal import Changes
internal import EventLoop
internal import Faults
internal import Logging
internal import Postgres
internal import Primitives
internal import Protobuf

/// Events that are told only when somebody is sent them: validations and heartbeats, of which there are too many
/// to write them down for nobody.
///
/// Gathered in memory and written together, several times a second, so that a validation waits for nothing. They tell of
/// no change: what is gathered when the process dies is lost, and what comes faster than the database takes it is left
/// out and counted.
@EventLoop
final class OnDemandEvents {
  /// How often to write, while there is something.
  nonisolated static let interval = Duration.milliseconds(250)
  /// How often to ask who is sent what, when nobody tells: a notification can be missed.
  nonisolated static let refreshInterval = Duration.seconds(10)
  /// How many events are gathered at most: some twenty megabytes.
  static let gatheredMax = 20_000
  /// Events of one statement.
  private static let batchMax = 1_000

  private struct Wanted: Hashable {
    let tenant: Tenant
    let type: EventType
  }

  private let store: LicenseStore
  private let announcer: EventAnnouncer
  private let log = Logger(label: "events")
  private var wanted: Set<Wanted> = []
  private var gathered: [Tenant: [Event]] = [:]
  private var gatheredCount = 0
  private var leftOutCount = 0
  /// Told when something was gathered, where there was nothing before.
  var onGathered: (@EventLoop () -> Void)?
  private var subscription: Subscription?
  private var isRefreshing = false

  nonisolated init(store: LicenseStore) {
    self.store = store
    announcer = EventAnnouncer(database: store.database)
  }

  /// Listens for who is sent what, from now on.
  func start() {
    subscription = store.database.listen(SubscriptionChannel.name) { [unowned self] _ in
      guard !isRefreshing else { return }
      isRefreshing = true
      EventLoop.spawn { [self] in
        isRefreshing = false
        // When this fails, the next look comes by itself.
        try? await refresh()
      }
    }
  }

  /// Asks who is sent what.
  ///
  /// - Throws: Faults of the database.
  func refresh() async throws(Fault) {
    let rows = try await store.database.read(
      "select account_id, environment, type from events.all_subscriptions()"
    )
    var wanted: Set<Wanted> = []
    for row in rows {
      let tenant = Tenant(accountID: try row.value(0), environment: try row.value(1))
      guard let type = EventType(rawValue: try row.value(2)) else { continue }
      wanted.insert(Wanted(tenant: tenant, type: type))
    }
    self.wanted = wanted
  }

  /// Tells what happened, if somebody is sent it.
  func note(
    _ type: EventType,
    _ resource: @autoclosure () -> some ContractMessage,
    license: UUID,
    for tenant: Tenant,
    at now: Timestamp
  ) {
    guard !wanted.isEmpty, wanted.contains(Wanted(tenant: tenant, type: type)) else { return }
    guard gatheredCount < Self.gatheredMax else {
      leftOutCount += 1
      return
    }
    gatheredCount += 1
    if gatheredCount == 1 { onGathered?() }
    gathered[tenant, default: []].append(Event(type, resource(), license: license, at: now))
  }

  /// Writes what was gathered.
  ///
  /// - Throws: ``Fault`` of the database; what of a tenant was not written is lost, and said.
  func flush() async throws(Fault) {
    guard gatheredCount > 0 else { return }
    let leaving = gathered
    gathered = [:]
    gatheredCount = 0
    if leftOutCount > 0 {
      log.warning("events of validations came too fast", metadata: ["left out": "\(leftOutCount)"])
      leftOutCount = 0
    }
    var failure: Fault?
    for (tenant, events) in leaving {
      do throws(Fault) {
        for start in stride(from: 0, to: events.count, by: Self.batchMax) {
          let end = min(start + Self.batchMax, events.count)
          try await store.write(Array(events[start..<end]), for: tenant)
        }
      } catch {
        // The others' are written all the same.
        failure = error
      }
    }
    announcer.announce()
    if let failure { throw failure }
  }
}

extension LicenseStore {
  /// Adds events that no change belongs to, with what webhooks choose them by.
  @EventLoop
  fileprivate func write(_ events: [Event], for tenant: Tenant) async throws(Fault) {
    try await database.transaction(for: tenant) { (transaction) async throws(Fault) in
      let licenses = Set(events.compactMap(\.licenseID)).sorted()
      let rows = try await transaction.query(
        "select id, product_id, metadata from licenses.licenses where id = any (\(licenses))"
      )
      var facts: [UUID: (product: UUID, metadata: JSONB)] = [:]
      for row in rows { facts[try row.value(0)] = (try row.value(1), try row.value(2)) }
      let told = events.map { event in
        var event = event
        let license = event.licenseID.flatMap { facts[$0] }
        event.productID = license?.product
        event.licenseMetadata = license?.metadata
        return event
      }
      transaction.send(Event.insertion(told, for: tenant))
    }
  }
}
