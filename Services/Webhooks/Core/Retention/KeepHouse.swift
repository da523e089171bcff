internal import EventLoop
public import Faults
internal import Logging
internal import Postgres
internal import Primitives
internal import ServiceKit

extension Webhooks {
  /// How often to look after what is kept.
  public nonisolated static let houseInterval = Duration.seconds(60)
  /// For how many days partitions are made ahead: a service that is down for less loses nothing by it.
  private static let daysAhead: Int32 = 7
  /// How many deliveries to deleted webhooks one statement removes.
  private static let forgottenMax: Int32 = 2_000

  /// How many deliveries that wait for too long one round gives up.
  private static let overdueMax: Int32 = 1_000
  /// How long to wait before partitions are tried again at the start.
  private static let partitionsPause = Duration.seconds(1)
  /// For how long the log still shows that a delivery was given up, and it can be sent again.
  nonisolated static let lastDay = Duration.seconds(86_400)
  private static let houseLog = Logger(label: "housekeeping")

  /// Makes the partitions of the days to come, gives up what waits for longer than it is kept, removes what waits for deleted
  /// webhooks, and drops the partitions whose time is over.
  ///
  /// Each by itself: what cannot be done now keeps nothing else from being done. Any number of processes may do so.
  ///
  /// - Throws: Faults of the database: the first, when all has been tried.
  public func keepHouse() async throws(Fault) {
    let steps: [(name: String, step: @EventLoop () async throws(Fault) -> Void)] = [
      ("make partitions", makeNewPartitions), ("give up what is overdue", giveUpOverdue),
      ("forget deliveries to deleted webhooks", forgetDeliveries),
      ("drop partitions", dropOldPartitions),
    ]
    var first: Fault?
    for (name, step) in steps {
      do throws(Fault) {
        try await step()
      } catch {
        Self.houseLog.warning("could not \(name) now", error: error)
        first = first ?? error
      }
    }
    if let first { throw first }
  }

  private func forgetDeliveries() async throws(Fault) {
    while true {
      let removed: Int32 = try await deliveries.database.query(
        "select webhooks.forget_deliveries(\(Self.forgottenMax))"
      ).single().value(0)
      if removed < Self.forgottenMax { break }
    }
  }

  private func makeNewPartitions() async throws(Fault) {
    try await changePartitions("select webhooks.make_partitions(\(now()), \(Self.daysAhead))")
  }

  private func dropOldPartitions() async throws(Fault) {
    try await changePartitions(
      """
      select webhooks.drop_partitions(
        \(now()), \(Int32(limits.eventDays)), \(Int32(limits.deliveryDays)))
      """
    )
  }

  /// To make a partition, the server looks through all that lies outside of partitions, which may take longer than other
  /// statements may.
  private func changePartitions(_ query: Query) async throws(Fault) {
    try await deliveries.database.transaction(for: nil) { (transaction) async throws(Fault) in
      transaction.send("set local statement_timeout = '60s'")
      try await transaction.query(query)
    }
  }

  /// Makes the partitions before anything is kept: a day of which there are events outside of its partition gets none.
  func makePartitions() async {
    while !Task.isCancelled {
      do throws(Fault) {
        return try await makeNewPartitions()
      } catch {
        Self.houseLog.warning("waiting for the partitions of today", error: error)
      }
      await EventLoop.sleep(for: Self.partitionsPause)
    }
  }

  /// Moves what still waits a day before its event, or its day of the log, is dropped to the log, as failed.
  ///
  /// Such are deliveries to webhooks that are disabled: of all others every attempt has been made long before. What was
  /// put back by request has a day.
  private func giveUpOverdue() async throws(Fault) {
    let days = min(limits.eventDays, limits.deliveryDays)
    let moment = now() - .seconds(days * 86_400) + Self.lastDay
    var count: Int?
    repeat {
      count = try await deliveries.database.alone("webhooks.give_up_overdue") {
        () async throws(Fault) in try await giveUpSome(before: moment)
      }
    } while count == Int(Self.overdueMax)
    deliverer.look()
  }

  /// - Returns: How many deliveries were given up.
  private func giveUpSome(before moment: Timestamp) async throws(Fault) -> Int {
    let overdue = try await deliveries.overdue(
      before: moment,
      requeuedBefore: now() - Self.lastDay,
      count: Self.overdueMax
    )
    var groups: [Tenant: [DeliveryResult]] = [:]
    for delivery in overdue {
      groups[delivery.tenant, default: []].append(
        .givenUp(delivery, because: "It waited for as long as it is kept", at: now())
      )
    }
    for (tenant, results) in groups {
      _ = try await deliveries.write(results, of: tenant, at: now())
      Self.houseLog.notice(
        "deliveries were given up: they waited for as long as events are kept",
        metadata: ["account": "\(tenant.accountID)", "count": "\(results.count)"]
      )
    }
    return overdue.count
  }
}
