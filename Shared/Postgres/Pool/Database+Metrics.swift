public import Metrics

extension Database {
  private static let available = Metric(
    "latchkey_postgres_available",
    .gauge,
    "Whether statements can be run: 1 or 0."
  )
  private static let connectionCount = Metric(
    "latchkey_postgres_connections",
    .gauge,
    "Connections, by kind (shared by statements, or leased by a transaction) and state."
  )
  private static let connectionsMax = Metric(
    "latchkey_postgres_connections_max",
    .gauge,
    "Connections that there may be, by kind."
  )
  private static let waiting = Metric(
    "latchkey_postgres_waiting",
    .gauge,
    "Callers that wait for a connection, by kind."
  )
  private static let inFlight = Metric(
    "latchkey_postgres_exchanges_in_flight",
    .gauge,
    "Exchanges that were sent and are not answered yet."
  )
  private static let exchanges = Metric(
    "latchkey_postgres_exchanges_total",
    .counter,
    "Exchanges with the server (a statement with what must go before it), by what became of them."
  )
  private static let durations = Metric(
    "latchkey_postgres_exchange_duration_seconds",
    .histogram,
    "From the sending of an exchange to its answer."
  )

  /// Tells of connections and exchanges.
  public func collect(into exposition: inout Exposition) {
    exposition.add(Self.available, isAvailable ? 1 : 0)
    let census = pool.census
    exposition.add(Self.connectionCount, ["kind": "shared", "state": "up"], census.sharedUp)
    exposition.add(Self.connectionCount, ["kind": "shared", "state": "down"], census.sharedDown)
    exposition.add(Self.connectionCount, ["kind": "leased", "state": "in_use"], census.leased)
    exposition.add(Self.connectionCount, ["kind": "leased", "state": "idle"], census.idle)
    exposition.add(Self.connectionsMax, ["kind": "shared"], pool.sharedCount)
    exposition.add(
      Self.connectionsMax,
      ["kind": "leased"],
      configuration.leasedConnectionsMax
    )
    exposition.add(Self.waiting, ["kind": "shared"], sharedWaiters.count)
    exposition.add(Self.waiting, ["kind": "leased"], pool.waitingCount)
    exposition.add(Self.inFlight, connections.values.reduce(0) { $0 + $1.inFlightCount })
    exposition.add(Self.exchanges, ["outcome": "ok"], counts.succeeded)
    exposition.add(Self.exchanges, ["outcome": "refused"], counts.refused)
    exposition.add(Self.exchanges, ["outcome": "stale"], counts.stale)
    exposition.add(Self.exchanges, ["outcome": "lost"], counts.lost)
    exposition.add(Self.durations, counts.durations)
  }
}
