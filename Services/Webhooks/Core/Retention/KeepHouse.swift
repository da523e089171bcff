internal import EventLoop
public import Faults
internal import Postgres
internal import Primitives

extension Webhooks {
  /// How often to look after what is kept.
  public nonisolated static let houseInterval = Duration.seconds(60)
  /// For how many days partitions are made ahead: a service that is down for less loses nothing by it.
  private static let daysAhead: Int32 = 7
  /// How many deliveries to deleted webhooks one statement removes.
  private static let forgottenMax: Int32 = 2_000

  /// Makes the partitions of the days to come, drops those whose time is over, removes what waits for deleted webhooks,
  /// and lets go the lines that nobody has let go.
  ///
  /// Any number of processes may do so.
  ///
  /// - Throws: Faults of the database.
  public func keepHouse() async throws(Fault) {
    let database = deliveries.database
    try await database.query(
      """
      select webhooks.keep_partitions(
        \(now()), \(Int32(limits.eventDays)), \(Int32(limits.deliveryDays)), \(Self.daysAhead))
      """
    )
    while true {
      let removed: Int32 = try await database.query(
        "select webhooks.forget_deliveries(\(Self.forgottenMax))"
      ).single().value(0)
      if removed < Self.forgottenMax { break }
    }
    try await deliveries.advanceStuckLines(at: now())
  }
}
