internal import EventLoop
public import Faults

extension Database {
  /// Runs `body` unless somebody else, in this process or another, is at what has the same name.
  ///
  /// For work that a service does by itself and that gains nothing from being done twice. An advisory lock stands for it,
  /// held by a transaction beside those of `body`: a process that dies gives it up with its session. The server ends it as
  /// well where `body` takes longer than transactions may be idle; others may begin then.
  ///
  /// - Parameters:
  ///   - name: What the work is called, with its schema before it.
  ///   - body: What to do.
  /// - Returns: What `body` returns; nil when somebody else is at it.
  /// - Throws: What `body` throws; as ``transaction(for:isolation:_:)``.
  public func alone<T>(
    _ name: String,
    _ body: @EventLoop () async throws(Fault) -> T
  ) async throws(Fault) -> T? {
    try await transaction(for: nil) { (transaction) async throws(Fault) in
      let row = try await transaction.query(
        "select pg_try_advisory_xact_lock(hashtextextended(\(name), 0))"
      ).single()
      guard try row.value(0) else { return nil }
      return try await body()
    }
  }
}
