internal import Changes
public import Cryptography
public import EventLoop
internal import Faults
internal import Messages
public import Postgres
public import Primitives
public import Sealing
public import Stubs
public import WebhooksSending

/// The webhooks service: where events are sent, the feed of events, and the deliveries.
///
/// Each RPC is an extension in the file of its name; rules are pure and lie beside; all SQL is in stores.
@EventLoop
public final class Webhooks: WebhooksService {
  let endpoints: EndpointStore
  let events: EventStore
  let deliveries: DeliveryStore
  /// What secrets are sealed by.
  public let dataKeys: DataKeyStore
  let changes: Changes
  let destinations: Destinations
  let sender: HTTPSender
  let receivers: ReceiverMaker
  let renderer = EventRenderer()
  let deliverer: Deliverer
  let dispatcher: Dispatcher
  let queues: QueueDepths
  let limits: WebhookLimits
  /// Who reads the stream of events now.
  let streams = EventStreams()
  private var starting: Task<Void, Never>?
  /// The time, which tests set.
  let now: @Sendable () -> Timestamp

  /// Makes the service, which dispatches and delivers once it is started.
  ///
  /// - Parameters:
  ///   - database: Connected as the role `latchkey_webhooks`.
  ///   - masterKeys: What accounts' data keys are wrapped with.
  ///   - sender: Sends requests.
  ///   - limits: What an account may have, and how long it is kept.
  ///   - schedule: When what failed is tried again.
  ///   - now: The clock.
  public init(
    database: Database,
    masterKeys: MasterKeys,
    sender: HTTPSender,
    limits: WebhookLimits = WebhookLimits(),
    schedule: RetrySchedule = .standard,
    now: @escaping @Sendable () -> Timestamp = Timestamp.now
  ) {
    self.sender = sender
    self.limits = limits
    self.now = now
    destinations = sender.destinations
    endpoints = EndpointStore(database: database)
    events = EventStore(database: database)
    deliveries = DeliveryStore(database: database)
    dataKeys = DataKeyStore(
      database: database,
      schema: Webhooks.sealingSchema,
      sealer: Sealer(masterKeys: masterKeys),
      now: now
    )
    queues = QueueDepths(database: database, now: now)
    changes = Changes(database: database, dataKeys: dataKeys, now: now)
    receivers = ReceiverMaker(dataKeys: dataKeys, policy: sender.destinations.policy)
    deliverer = Deliverer(
      deliveries: deliveries,
      endpoints: endpoints,
      sender: sender,
      receivers: receivers,
      schedule: schedule,
      now: now
    )
    dispatcher = Dispatcher(
      store: DispatchStore(database: database),
      deliveries: deliveries,
      deliverer: deliverer,
      now: now
    )
    dispatcher.appended = { [streams] in streams.wake($0) }
    deliverer.writer.advanced = { [unowned deliverer] in deliverer.look() }
    deliverer.writer.disable = { [unowned self] tenant, endpoint, reason in
      EventLoop.spawn { await self.disable(endpoint, of: tenant, because: reason) }
    }
  }

  /// Begins to dispatch and to deliver.
  public func start() {
    deliverer.start()
    starting = EventLoop.spawn { [self] in
      await makePartitions()
      if !Task.isCancelled { dispatcher.start() }
    }
  }

  /// Stops dispatching, lets deliveries under way come to their end for a while, and gives back the others.
  public func stop() async {
    streams.close()
    starting?.cancel()
    await starting?.value
    await dispatcher.stop()
    await deliverer.stop()
  }
}
