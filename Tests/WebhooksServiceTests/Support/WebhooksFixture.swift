import Changes
import Cryptography
import EventLoop
import Faults
import LicensesService
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import WebhooksSending
import WebhooksService

/// The webhooks service over RPC with mutual TLS, on a database of its own that has the outbox as well.
@EventLoop
final class WebhooksFixture {
  let test: TestDatabase
  let rpc: ServedRPC
  /// The service itself, for what it does unasked.
  let service: Webhooks
  /// What the service takes the time for.
  let clock: TestClock
  private let masterKeys: MasterKeys
  private let limits: WebhookLimits
  /// The tenant that most tests act for.
  let tenant = Tenant(accountID: .v7(), environment: .test)
  /// A license that most events are of.
  let license = UUID.v7()
  private var sequences: [UUID: Int64] = [:]

  private init(
    _ test: TestDatabase,
    _ rpc: ServedRPC,
    _ service: Webhooks,
    _ clock: TestClock,
    _ masterKeys: MasterKeys,
    _ limits: WebhookLimits
  ) {
    self.test = test
    self.rpc = rpc
    self.service = service
    self.clock = clock
    self.masterKeys = masterKeys
    self.limits = limits
  }

  /// Retries that need no waiting for.
  nonisolated static let quickSchedule = RetrySchedule(waits: [
    .milliseconds(10), .milliseconds(10), .milliseconds(10),
  ])

  static func with(
    limits: WebhookLimits = WebhookLimits(),
    schedule: RetrySchedule = quickSchedule,
    sending: SendingLimits = SendingLimits(),
    policy: AddressPolicy? = nil,
    _ body: @EventLoop (WebhooksFixture) async throws -> Void
  ) async throws {
    let changes = TestDatabase.Schema(Changes.schemaName, Changes.migrations)
    let outbox = TestDatabase.Schema("licenses", Licenses.migrations)
    let webhooks = TestDatabase.Schema("webhooks", Webhooks.migrations)
    try await TestDatabase.with(changes, outbox, webhooks) { test in
      let clock = TestClock()
      let masterKeys = MasterKeys.random()
      let service = Webhooks(
        database: test.open(as: "latchkey_webhooks"),
        masterKeys: masterKeys,
        sender: try sender(sending, policy),
        limits: limits,
        schedule: schedule,
        now: { clock.now }
      )
      try await ServedRPC.with("webhooks", register: { service.register(on: $0) }) { rpc in
        let fixture = WebhooksFixture(test, rpc, service, clock, masterKeys, limits)
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(fixture)) } catch { outcome = .failure(error) }
        await service.stop()
        try outcome.get()
      }
    }
  }

  /// A sender that may call this machine, without TLS, unless a policy says something else.
  private static func sender(
    _ limits: SendingLimits = SendingLimits(),
    _ policy: AddressPolicy? = nil
  ) throws -> HTTPSender {
    HTTPSender(
      destinations: Destinations(
        policy: try policy ?? AddressPolicy(allowsLoopback: true, allowsPlainHTTP: true)
      ),
      limits: limits
    )
  }

  /// Another process of the service, on the same database, which may call this machine unless a policy says something
  /// else.
  func replica(policy: AddressPolicy? = nil) throws -> Webhooks {
    let clock = clock
    return Webhooks(
      database: test.open(as: "latchkey_webhooks"),
      masterKeys: masterKeys,
      sender: try Self.sender(SendingLimits(), policy),
      limits: limits,
      schedule: Self.quickSchedule,
      now: { clock.now }
    )
  }

  var client: WebhooksClient { get throws { WebhooksClient(try rpc.channel(as: "gateway")) } }

  /// What the gateway sends along for a request with an API key of the tenant.
  var options: CallOptions { options() }

  func options(_ tenant: Tenant? = nil, scopes: [String] = ["*"]) -> CallOptions {
    let tenant = tenant ?? self.tenant
    return CallOptions(
      caller: Caller(
        accountId: tenant.accountID.description,
        environment: tenant.environment == .live ? .live : .test,
        actorKind: .apiKey,
        scopes: scopes
      )
    )
  }

  /// Tenants that must not see anything of ``tenant``.
  var strangers: [Tenant] {
    [
      Tenant(accountID: tenant.accountID, environment: .live),
      Tenant(accountID: .v7(), environment: .test),
    ]
  }

  /// Registers a webhook.
  func webhook(
    _ url: String,
    _ tenant: Tenant? = nil,
    _ change: (inout CreateWebhookRequest) -> Void = { _ in }
  ) async throws -> Webhook {
    var request = CreateWebhookRequest(url: url)
    change(&request)
    return try await client.createWebhook(request, options(tenant))
  }

  /// Commits events as a producer does: in a transaction, each with the next sequence of its license, and then tells the
  /// service unless it dies before.
  @discardableResult
  func commit(
    _ types: [EventType],
    of license: UUID? = nil,
    product: UUID? = nil,
    metadata: String = "{}",
    for tenant: Tenant? = nil,
    isTold: Bool = true
  ) async throws -> [Event] {
    let tenant = tenant ?? self.tenant
    let license = license ?? self.license
    let now = clock.now
    let resource = sample(license, product: product ?? UUID.v7(), metadata: metadata)
    var events: [Event] = []
    for type in types {
      sequences[license, default: 0] += 1
      events.append(
        Event(
          type,
          resource,
          license: license,
          sequence: sequences[license],
          product: product,
          at: now
        )
      )
    }
    let written = events
    try await producer.transaction(for: tenant) { (transaction) async throws(Fault) in
      transaction.send(Event.insertion(written, for: tenant))
    }
    if isTold { announcer.announce() }
    return events
  }

  private lazy var administrator = test.open()
  private lazy var producer = test.open(as: "latchkey_licenses")
  private lazy var announcer = EventAnnouncer(database: producer)

  /// A license as its events show it.
  func sample(_ id: UUID, product: UUID, metadata: String = "{}") -> License {
    License(
      id: id.description,
      name: "Ada's",
      status: .active,
      productId: product.description,
      policyId: UUID.v7().description,
      usesCount: 0,
      machineCount: 0,
      entitlements: [],
      createdAt: clock.now.milliseconds,
      updatedAt: clock.now.milliseconds,
      metadata: Array(metadata.utf8),
      machines: [],
      keyStored: false
    )
  }

  /// The deliveries to a webhook that are so far.
  func deliveries(_ webhook: Webhook, _ status: Delivery.Status) async throws -> [Delivery] {
    try await client.listDeliveries(
      ListDeliveriesRequest(id: webhook.id, limit: 100, status: status),
      options
    ).data
  }

  /// The newest such delivery, with its attempts.
  func delivery(_ webhook: Webhook, _ status: Delivery.Status) async throws -> Delivery {
    guard let found = try await deliveries(webhook, status).first else {
      throw Fault(.notFound, "There is no such delivery")
    }
    return try await client.getDelivery(
      DeliveryRequest(id: webhook.id, deliveryId: found.id),
      options
    )
  }

  /// Reads a number as an administrator does.
  func count(_ query: Query) async throws -> Int {
    try await administrator.read(query).single().value(0)
  }

  /// Waits until something is so, looking again and again.
  func eventually(
    within limit: Duration = .seconds(20),
    _ condition: () async throws -> Bool
  ) async throws {
    let deadline = Instant.now + limit
    while !(try await condition()) {
      guard Instant.now < deadline else { throw Fault(.deadlineExceeded, "It did not become so") }
      await EventLoop.sleep(for: .milliseconds(5))
    }
  }
}

/// The fault that a call ends with; fails the test when it ends well.
@EventLoop
func fault<T>(_ body: @EventLoop () async throws -> T) async throws -> Fault {
  do {
    _ = try await body()
  } catch let fault as Fault {
    return fault
  }
  throw Fault(.internalError, "The call ended well")
}
