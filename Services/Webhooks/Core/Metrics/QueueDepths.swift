internal import EventLoop
internal import Faults
internal import Metrics
internal import Postgres
internal import Primitives

/// How much waits in the database, as it was when last looked at: a scrape must not wait for the database.
///
/// Every process of the service tells the same.
@EventLoop
final class QueueDepths {
  /// What is beyond is not counted.
  private static let countedMax: Int32 = 100_000

  private let database: Database
  private let now: @Sendable () -> Timestamp
  private var outboxCount = 0
  private var outboxAge = Duration.zero
  private var pendingCount = 0
  private var dueCount = 0
  private var dueAge = Duration.zero

  init(database: Database, now: @escaping @Sendable () -> Timestamp) {
    self.database = database
    self.now = now
  }

  /// Looks.
  func refresh() async throws(Fault) {
    let now = now()
    let row = try await database.read(
      """
      select outbox_count, outbox_oldest, pending_count, due_count, oldest_due
      from webhooks.queue_depths(\(now), \(Self.countedMax))
      """
    ).single()
    let (outbox, oldest, pending, due, oldestDue) = try row.values(
      Int64.self,
      UUID?.self,
      Int64.self,
      Int64.self,
      Timestamp?.self
    )
    outboxCount = Int(outbox)
    // Events' identifiers begin with their time.
    outboxAge = oldest.map { now - Timestamp(milliseconds: Int64($0.high >> 16)) } ?? .zero
    pendingCount = Int(pending)
    dueCount = Int(due)
    dueAge = oldestDue.map { now - $0 } ?? .zero
  }

  private static let outbox = Metric(
    "latchkey_webhooks_outbox_events",
    .gauge,
    "Events that wait to be dispatched, in all of the deployment; counted up to 100000."
  )
  private static let outboxAge = Metric(
    "latchkey_webhooks_outbox_oldest_age_seconds",
    .gauge,
    "The age of the oldest event that waits to be dispatched; 0 where none does."
  )
  private static let pending = Metric(
    "latchkey_webhooks_deliveries_pending",
    .gauge,
    "Deliveries that are still to be made, in all of the deployment; counted up to 100000."
  )
  private static let due = Metric(
    "latchkey_webhooks_deliveries_due",
    .gauge,
    "Those of the pending ones that could be made now."
  )
  private static let dueAge = Metric(
    "latchkey_webhooks_deliveries_due_oldest_age_seconds",
    .gauge,
    "For how long the delivery that has been due longest has been so; 0 where none is."
  )

  func collect(into exposition: inout Exposition) {
    exposition.add(Self.outbox, outboxCount)
    exposition.add(Self.outboxAge, Double(max(0, outboxAge.wholeMilliseconds)) / 1_000)
    exposition.add(Self.pending, pendingCount)
    exposition.add(Self.due, dueCount)
    exposition.add(Self.dueAge, Double(max(0, dueAge.wholeMilliseconds)) / 1_000)
  }
}
