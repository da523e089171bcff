public import EventLoop
public import Faults
internal import Messages
public import Postgres
public import Primitives
internal import Protobuf

/// Checks the audit log of every account against its chain of seals.
///
/// It finds an entry that was altered, removed, put in between or moved, and a chain that is no longer what it was
/// when its head was noted. What it cannot find alone is a chain that was cut short from its end, or made anew as
/// a whole by somebody with full power over the database: that takes a head that was noted elsewhere before.
@EventLoop
public struct AuditVerifier {
  /// How far a chain had come, as noted at some time.
  public struct Head: Sendable, Equatable {
    /// Whose chain it is.
    public let account: UUID
    /// The position of the last seal.
    public let position: Int64
    /// The last seal, 32 bytes.
    public let hash: [UInt8]

    /// Notes a head.
    public init(account: UUID, position: Int64, hash: [UInt8]) {
      self.account = account
      self.position = position
      self.hash = hash
    }
  }

  /// What was found of one account's log.
  public struct Report: Sendable, Equatable {
    /// How far the chain goes.
    public var head: Head
    /// Entries that no seal covers yet: those of the last second.
    public var unsealedCount: Int64
    /// What is wrong, in sentences; empty when the log is whole.
    public var problems: [String]
  }

  /// How many entries are read at a time.
  private static let pageRows: Int32 = 500
  /// How many problems of an account are told; one altered row is enough to look into it.
  private static let problemsMax = 20

  private let database: Database

  /// Makes a verifier.
  ///
  /// - Parameter database: Connected as `latchkey_auditor`, or another role that may read all of the log.
  public init(database: Database) { self.database = database }

  /// Checks every account, all of them as they are at one moment.
  ///
  /// - Parameters:
  ///   - noted: Heads that were noted before; the chains must still contain them.
  ///   - report: Given each account's result.
  /// - Throws: Faults of the database.
  public func verify(
    against noted: [Head] = [],
    _ report: @EventLoop (Report) -> Void
  ) async throws(Fault) {
    try await database.transaction(for: nil, isolation: .repeatableRead) {
      (transaction) async throws(Fault) in
      let rows = try await transaction.query(
        """
        select account_id from changes.audit_seals where position = 1
        union select account_id from changes.audit_unsealed
        union select account_id from changes.audit_entries
        order by 1
        """
      )
      var accounts: [UUID] = []
      for row in rows { accounts.append(try row.value(0)) }
      for account in accounts {
        let heads = noted.filter { $0.account == account }
        report(try await verify(account, against: heads, transaction))
      }
      // An account that is not there at all any more.
      for head in noted where !accounts.contains(head.account) {
        let empty = Head(account: head.account, position: 0, hash: [])
        report(Report(head: empty, unsealedCount: 0, problems: ["the whole log is gone"]))
      }
    }
  }

  private func verify(
    _ account: UUID,
    against noted: [Head],
    _ transaction: Transaction
  ) async throws(Fault) -> Report {
    var chain = AuditChain()
    var problems: [String] = []
    func complain(_ problem: String) {
      if problems.count < Self.problemsMax { problems.append(problem) }
    }
    var lastRead: Int64 = 0
    while true {
      let rows = try await transaction.query(Self.page(of: account, after: lastRead))
      for row in rows {
        lastRead = try row.value(0)
        let position = chain.position + 1
        if lastRead != position {
          complain("seals \(position) to \(lastRead - 1) are missing")
        }
        let sealed = try SealedEntry(row)
        let hash = chain.append(
          sealed.environment,
          sealed.entryID,
          sealed.bytes ?? [],
          at: lastRead
        )
        if sealed.bytes == nil {
          complain("entry \(sealed.entryID) at position \(lastRead) is missing")
        } else if hash != sealed.hash {
          complain("entry \(sealed.entryID) at position \(lastRead) is not what was sealed")
        } else if let mismatch = sealed.mismatch {
          complain("entry \(sealed.entryID) at position \(lastRead): \(mismatch)")
        }
        // One wrong entry must not make all that follow look wrong.
        chain.resume(from: sealed.hash)
        for head in noted where head.position == lastRead && head.hash != sealed.hash {
          complain("the seal at position \(lastRead) is not the one that was noted")
        }
      }
      if rows.count < Int(Self.pageRows) { break }
    }
    for head in noted where head.position > chain.position {
      complain("the log ends at position \(chain.position), but \(head.position) was noted")
    }
    let (unsealed, untraced) = try await Self.unsealed(of: account, transaction)
    if untraced > 0 { complain("\(untraced) entries are neither sealed nor waiting to be") }
    return Report(
      head: Head(account: account, position: chain.position, hash: chain.hash),
      unsealedCount: unsealed,
      problems: problems
    )
  }

  private static func page(of account: UUID, after position: Int64) -> Query {
    """
    select s.position, s.environment, s.entry_id, s.hash, e.entry, e.action, e.resource_id, e.actor_id
    from changes.audit_seals s
    left join changes.audit_entries e on e.account_id = s.account_id
      and e.environment = s.environment and e.id = s.entry_id
    where s.account_id = \(account) and s.position > \(position)
    order by s.position limit \(pageRows)
    """
  }

  /// How many entries wait for the sealer, and how many are in the log without a trace of being sealed.
  private static func unsealed(
    of account: UUID,
    _ transaction: Transaction
  ) async throws(Fault) -> (waiting: Int64, untraced: Int64) {
    let row = try await transaction.query(
      """
      select
        (select count(*) from changes.audit_unsealed where account_id = \(account)),
        (select count(*) from changes.audit_entries e
          left join changes.audit_seals s on s.account_id = e.account_id
            and s.environment = e.environment and s.entry_id = e.id
          left join changes.audit_unsealed u on u.account_id = e.account_id
            and u.environment = e.environment and u.entry_id = e.id
          where e.account_id = \(account) and s.entry_id is null and u.entry_id is null)
      """
    ).single()
    return try row.values(Int64.self, Int64.self)
  }
}

/// A seal with the entry that it covers, as the database has them.
private struct SealedEntry {
  let environment: Environment
  let entryID: UUID
  let hash: [UInt8]
  /// Nil when the entry is gone.
  let bytes: [UInt8]?
  private let action: String?
  private let resourceID: UUID?
  private let actorID: String?

  init(_ row: Row) throws(Fault) {
    environment = try row.value(1)
    entryID = try row.value(2)
    hash = try row.value(3)
    bytes = try row.value(4)
    action = try row.value(5)
    resourceID = try row.value(6)
    actorID = try row.value(7)
  }

  /// What lists are filtered by is not sealed itself, so it is compared with what is.
  var mismatch: String? {
    guard let bytes else { return nil }
    let event: AuditEvent? = try? bytes.span.withUnsafeBytes { (bytes) throws(Fault) in
      try AuditEvent(decoding: bytes)
    }
    guard let event, let entry = try? AuditEntry(event) else { return "it cannot be read" }
    guard entry.id == entryID, entry.action == action, entry.resourceID == resourceID,
      entry.actorID == actorID
    else { return "its columns do not say what the entry says" }
    return nil
  }
}
