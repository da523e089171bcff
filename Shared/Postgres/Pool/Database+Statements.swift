public import Faults
public import Primitives

extension Database {
  /// Runs one statement in a transaction of its own, pipelined with everybody else's.
  ///
  /// - Throws: ``Fault`` by the server's error (see `SQLState`); `unavailable` when the database is gone
  ///   or too busy, or when the connection broke: then it is unknown whether the statement was run.
  @discardableResult
  public func query(_ query: Query) async throws(Fault) -> Rows {
    try await run(query, after: [], isRead: false)
  }

  /// Runs one statement under row-level security in a transaction of its own, in one round trip.
  ///
  /// - Throws: As ``query(_:)``.
  @discardableResult
  public func query(for tenant: Tenant, _ query: Query) async throws(Fault) -> Rows {
    try await run(query, after: [tenant.entering], isRead: false)
  }

  /// Runs a statement that changes nothing: it is repeated once when the connection broke.
  ///
  /// - Throws: As ``query(_:)``.
  public func read(_ query: Query) async throws(Fault) -> Rows {
    try await run(query, after: [], isRead: true)
  }

  /// Runs a statement that changes nothing under row-level security, in one round trip.
  ///
  /// - Throws: As ``query(_:)``.
  public func read(for tenant: Tenant, _ query: Query) async throws(Fault) -> Rows {
    try await run(query, after: [tenant.entering], isRead: true)
  }

  private func run(
    _ query: Query,
    after preludes: [Query],
    isRead: Bool
  ) async throws(Fault) -> Rows {
    var isRepeated = false
    while true {
      let connection = try await sharedConnection()
      switch await connection.perform(query, after: preludes) {
      case .success(let rows):
        return rows.last
      case .failure(let failure):
        // A stale plan was refused before anything ran, so even a write may be sent again.
        let mayRepeat = failure.kind == .stalePlan || (failure.kind == .lost && isRead)
        if isRepeated || !mayRepeat { throw failure.fault }
        isRepeated = true
      }
    }
  }
}

extension Tenant {
  /// Tells the server whose rows the rest of the transaction may see; row-level security compares
  /// with these settings.
  ///
  /// They end with the transaction, so nothing of one tenant is left for the next.
  var entering: Query {
    """
    select set_config('latchkey.account_id', \(accountID.description), true),
      set_config('latchkey.environment', \(environment.rawValue), true)
    """
  }
}
