internal import CPQ
internal import EventLoop
public import Faults
public import Primitives

extension Database {
  /// Cancel requests under way at most; each holds one of the few threads for blocking work.
  private static let cancelMax = 2

  /// Runs a transaction on a connection of its own: commits when `body` returns, undoes everything
  /// when it throws.
  ///
  /// With a tenant, row-level security shows the rows of that tenant alone.
  ///
  /// The beginning and the tenant travel with the first statement, so a transaction of one statement
  /// takes two round trips. When the calling task is cancelled, the statement under way is too.
  ///
  /// - Parameters:
  ///   - tenant: Whose rows it may see and write; nil for statements that need none.
  ///   - isolation: How far it is shielded from those beside it.
  ///   - body: What to do. It may be run once only; callers that want to repeat an `aborted` one call again.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws; `aborted` when it collided with another; `cancelled`; `unavailable`
  ///   when the database is gone or too busy. After `unavailable` during the commit, whether it was done
  ///   is unknown.
  @discardableResult
  public func transaction<T>(
    for tenant: Tenant?,
    isolation: Isolation = .readCommitted,
    _ body: @EventLoop (Transaction) async throws(Fault) -> T
  ) async throws(Fault) -> T {
    let slot = try await acquire()
    guard let connection = connections[slot], connection.isOpen else {
      release(slot, isReusable: false)
      throw .databaseUnavailable(detail: "The connection broke before it was used")
    }
    defer { release(slot, isReusable: connection.isOpen) }
    var beginning: [Query] = [Query(sql: "begin isolation level \(isolation.rawValue)")]
    if let tenant { beginning.append(tenant.entering) }
    let transaction = Transaction(connection, of: self, beginning: beginning)
    let result: T
    do throws(Fault) {
      result = try await body(transaction)
    } catch {
      await transaction.rollBack()
      throw error
    }
    try await transaction.commit()
    return result
  }

  /// Asks the server to stop the statement that a leased connection runs.
  ///
  /// - Returns: The request under way, which must end before the connection is used again; nil when too
  ///   many are, and then the statement's own time limit ends it.
  func cancel(_ connection: Connection) -> Task<Void, Never>? {
    guard cancelCount < Database.cancelMax, let handle = connection.handle,
      let request = CancelRequest(handle)
    else { return nil }
    cancelCount += 1
    return EventLoop.spawn { [self] in
      await EventLoop.background { request.send() }
      cancelCount -= 1
    }
  }
}

/// What libpq needs to ask for a cancellation, apart from the connection.
///
/// Unchecked, because libpq's manual gives what the compiler cannot see: the object "is read-only as
/// far as PQcancel is concerned, so it can also be invoked from a thread that is separate from the one
/// manipulating the PGconn object" (34.7).
private final class CancelRequest: @unchecked Sendable {
  private let handle: OpaquePointer

  init?(_ connection: OpaquePointer) {
    guard let handle = PQgetCancel(connection) else { return nil }
    self.handle = handle
  }

  deinit { PQfreeCancel(handle) }

  /// Connects, asks, and waits until the server has passed it on: blocking.
  ///
  /// A failure needs no answer, as the statement's time limit remains.
  func send() {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
      _ = PQcancel(handle, message.baseAddress, Int32(message.count))
    }
  }
}
