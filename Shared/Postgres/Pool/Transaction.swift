public import EventLoop
public import Faults

/// How far a transaction is shielded from those beside it.
///
/// Source: PostgreSQL 15, section 13.2, "Transaction Isolation".
public enum Isolation: String, Sendable {
  /// Each statement sees what was committed before it began. The default, with row locks where needed.
  case readCommitted = "read committed"
  /// All statements see what was committed before the first began.
  case repeatableRead = "repeatable read"
  /// As if transactions ran one after the other; any may fail as `aborted` and is then tried again.
  case serializable = "serializable"
}

/// A transaction under way.
///
/// Valid inside of the closure that it was given to.
///
/// Nothing is sent before the first statement, and the beginning travels with it.
@EventLoop
public final class Transaction {
  private let connection: Connection
  private let database: Database
  /// What begins the transaction; it goes out with the first statement.
  private let beginning: [Query]
  /// What goes out with the next statement.
  private var unsent: [Query] = []
  /// How often something was sent; the transaction has begun with the first.
  private var tripCount = 0
  private var isEnded = false
  private var isRunning = false
  private var isCancelled = false
  /// The first error: whatever the closure makes of it, the server will not commit.
  private var failure: Fault?
  /// Set while a cancel request is on its way: the connection is not used before it has arrived, as it
  /// would stop the wrong statement.
  private var cancelRequest: Task<Void, Never>?

  init(_ connection: Connection, of database: Database, beginning: [Query]) {
    self.connection = connection
    self.database = database
    self.beginning = beginning
  }

  /// Runs a statement and waits for its rows.
  ///
  /// When the task is cancelled, the statement is as well.
  ///
  /// - Throws: ``Fault`` by the server's error (see `SQLState`), after which the transaction can only be
  ///   rolled back; `cancelled`; `unavailable` when the connection broke.
  @discardableResult
  public func query(_ query: Query) async throws(Fault) -> Rows {
    try await run(query, keeping: nil).last
  }

  /// Runs a statement as ``query(_:)`` does, and waits besides for the rows of one that is lined up before it.
  ///
  /// - Parameters:
  ///   - query: The statement.
  ///   - sent: What ``send(_:)`` gave for the other.
  /// - Returns: The rows of both.
  /// - Throws: As ``query(_:)``.
  public func query(
    _ query: Query,
    andRowsOf sent: Sent
  ) async throws(Fault) -> (rows: Rows, ofSent: Rows) {
    precondition(sent.trip == tripCount, "The rows of a statement that has travelled are gone")
    let rows = try await run(query, keeping: sent.place)
    return (rows.last, rows.kept)
  }

  private func run(_ query: Query, keeping keptPlace: Int?) async throws(Fault) -> ExchangeRows {
    precondition(!isEnded, "A transaction was used after its closure had ended")
    precondition(!isRunning, "A transaction runs one statement at a time; `send` lines them up")
    if let failure { throw failure }
    guard !Task.isCancelled else { throw fail(.cancelled) }
    isRunning = true
    let preludes = takeUnsent()
    let outcome = await withTaskCancellationHandler {
      await connection.perform(query, after: preludes, keeping: keptPlace)
    } onCancel: {
      EventLoop.perform { self.cancel() }
    }
    isRunning = false
    await cancelRequest?.value
    switch outcome {
    case .success(let rows): return rows
    case .failure(let failure): throw fail(fault(of: failure))
    }
  }

  /// Lines a statement up whose rows are not needed: it travels with the next one, or with the
  /// commit, and saves a round trip.
  ///
  /// Its error fails whatever it travels with.
  ///
  /// - Returns: What the next statement can ask for its rows by.
  @discardableResult
  public func send(_ query: Query) -> Sent {
    precondition(!isEnded, "A transaction was used after its closure had ended")
    unsent.append(query)
    return Sent(
      trip: tripCount,
      place: (tripCount == 0 ? beginning.count : 0) + unsent.count - 1
    )
  }

  /// A statement that is lined up.
  public struct Sent {
    /// With which trip to the server it goes, and its place there.
    fileprivate let trip: Int
    fileprivate let place: Int
  }

  private func takeUnsent() -> [Query] {
    defer {
      tripCount += 1
      unsent.removeAll()
    }
    return tripCount == 0 ? beginning + unsent : unsent
  }

  private func fault(of failure: ExchangeFailure) -> Fault {
    switch failure.kind {
    case .refused where isCancelled && failure.fault.serverError?.state == .queryCanceled:
      .cancelled
    case .refused, .lost: failure.fault
    case .stalePlan:
      // The statement is prepared anew next time, but this transaction cannot go on.
      Fault(
        .aborted,
        "Another change was made at the same time; try again",
        detail: failure.fault.detail,
        cause: failure.fault.cause
      )
    }
  }

  private func fail(_ fault: Fault) -> Fault {
    if failure == nil { failure = fault }
    return fault
  }

  private func cancel() {
    guard isRunning, cancelRequest == nil else { return }
    isCancelled = true
    cancelRequest = database.cancel(connection)
  }

  // MARK: Ending

  /// Commits, with what was lined up.
  ///
  /// Not stopped by cancellation: from here on the outcome counts.
  func commit() async throws(Fault) {
    isEnded = true
    if let failure {
      await rollBack()
      throw failure
    }
    guard tripCount > 0 || !unsent.isEmpty else { return }
    switch await connection.perform("commit", after: takeUnsent()) {
    case .success: return
    case .failure(let failure):
      let fault = fault(of: failure)
      if failure.kind != .lost { await rollBack() }
      throw fault
    }
  }

  /// Undoes everything.
  ///
  /// A connection on which even that fails is closed.
  func rollBack() async {
    isEnded = true
    guard tripCount > 0, connection.isOpen else { return }
    if case .failure(let failure) = await connection.perform("rollback") {
      connection.close(failure.fault)
    }
  }
}
