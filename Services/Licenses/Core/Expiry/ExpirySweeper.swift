internal import Changes
public import EventLoop
public import Faults
internal import Postgres
internal import Primitives

/// Writes down that the expiry of licenses has passed: they become `expired`, or `revoked` by their policy's
/// strategy, and the event is told.
///
/// No answer waits for it, since readers consider the expiry themselves. Several processes may sweep at once: each
/// license is locked, or left to whoever has locked it, and looked at again under the lock.
@EventLoop
public struct ExpirySweeper {
  /// How often to sweep.
  public static let interval = Duration.seconds(1)
  /// How many licenses one transaction takes on.
  ///
  /// Some tens of milliseconds of work, so that whoever wants one of them does not wait for long.
  static let batchMax: Int32 = 500

  private let store: LicenseStore
  private let changes: Changes
  private let now: @Sendable () -> Timestamp

  init(store: LicenseStore, changes: Changes, now: @escaping @Sendable () -> Timestamp) {
    self.store = store
    self.changes = changes
    self.now = now
  }

  /// Works on all licenses that are due, batch by batch.
  ///
  /// - Returns: How many it has written down.
  /// - Throws: Faults of the database, when all tenants whose licenses could be written have had theirs.
  @discardableResult
  public func sweep() async throws(Fault) -> Int {
    var count = 0
    while true {
      let due = try await store.due(at: now(), count: Self.batchMax)
      var swept = 0
      var failure: Fault?
      for (tenant, ids) in due.sorted(by: { $0.key.accountID < $1.key.accountID }) {
        do throws(Fault) {
          swept += try await sweep(ids, of: tenant)
        } catch {
          failure = error
        }
      }
      count += swept
      if let failure { throw failure }
      // What is left over is locked: another sweeper is at it, or a change that settles the expiry itself.
      if swept == 0 { return count }
    }
  }

  private func sweep(_ ids: [UUID], of tenant: Tenant) async throws(Fault) -> Int {
    try await changes.makeUnasked(for: tenant) { (change) async throws(Fault) in
      var expired: [LockedLicense] = []
      for var locked in try await store.lockDue(ids, change) {
        if try locked.settleExpiry(change) { expired.append(locked) }
      }
      store.saveExpired(expired, change)
      return expired.count
    }
  }
}

extension Licenses {
  /// Writes down the expiries of this service's licenses, when it is told to.
  public var expirySweeper: ExpirySweeper {
    ExpirySweeper(store: licenses, changes: changes, now: now)
  }
}
