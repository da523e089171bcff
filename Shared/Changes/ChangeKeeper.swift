public import EventLoop
public import Faults
public import Postgres
public import Primitives

/// Looks after what changes have left behind: seals the audit log and forgets answers that are too old to be asked
/// for.
///
/// Several processes may do so at once; the database lets one at a time work on an account.
@EventLoop
public struct ChangeKeeper {
  /// How often to work: an entry is sealed within about a second of its change.
  public static let interval = Duration.seconds(1)
  /// How much one statement takes on; sealing 2,000 entries takes some tens of milliseconds.
  private static let batchMax: Int32 = 2_000

  private let database: Database
  private let now: @Sendable () -> Timestamp

  /// Makes a keeper, which works when it is told to.
  public init(database: Database, now: @escaping @Sendable () -> Timestamp = Timestamp.now) {
    self.database = database
    self.now = now
  }

  /// Seals all entries that are committed.
  ///
  /// - Throws: Faults of the database.
  public func seal() async throws(Fault) {
    while try await count("select changes.seal_audit_entries(\(Self.batchMax))") == Self.batchMax {}
  }

  /// Forgets the answers that nobody may ask for any more.
  ///
  /// - Throws: Faults of the database.
  public func forget() async throws(Fault) {
    let before = now() - IdempotentAnswers.lifetime
    while try await count("select changes.forget_idempotent_answers(\(before), \(Self.batchMax))")
      == Self.batchMax
    {}
  }

  private func count(_ query: Query) async throws(Fault) -> Int32 {
    try await database.query(query).single().value(0)
  }
}
