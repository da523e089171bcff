internal import Cryptography
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives
public import Sealing

/// A request that says which one it is, so that sending it again does no harm.
struct IdempotentRequest {
  /// SHA-256 over method, path and `Idempotency-Key`.
  var key: [UInt8]
  /// SHA-256 of who asks and of the encoded request.
  var hash: [UInt8]
}

/// What was answered to requests with an `Idempotency-Key`, so that the same request again gets the same answer.
///
/// The claim to a key is a row that is made in the transaction of the change. Two of the same requests race for it
/// in the database: the second waits until the first is committed, and then is given its answer, or until the first
/// has failed, and then is the first itself. When the process dies in between, both claim and change are gone.
@EventLoop
struct IdempotentAnswers {
  /// How long an answer is kept.
  ///
  /// Source: the REST contract, section 9, row 36.
  static let lifetime = Duration.seconds(24 * 60 * 60)

  /// An answer as it was given.
  struct Answer {
    /// The encoded message.
    var bytes: [UInt8]
    /// The HTTP status, where it was not the usual one.
    var status: Int16?
  }

  /// How long the hash of the request is, which is sealed before its answer: a request may be nothing but a password
  /// or a code, and whoever has the database could find that by its hash.
  private static let hashBytes = 32

  /// What became of a claim.
  enum Claim {
    /// The request is the first of its key; its answer belongs into the row of this id.
    case first(UUID)
    /// The request was answered already.
    case answered(Answer)
  }

  let dataKeys: any DataKeys

  /// Claims a request's key for a transaction.
  ///
  /// - Throws: ``Fault`` `CONFLICT` when another request has used the key, or is taking long with it.
  func claim(_ request: IdempotentRequest, _ change: Change) async throws(Fault) -> Claim {
    let tenant = change.tenant
    let id = UUID.v7(at: change.now)
    let claimed = try await change.transaction.query(
      """
      insert into changes.idempotent_answers as a (
        account_id, environment, key_hash, id, created_at)
      values (\(tenant.accountID), \(tenant.environment), \(request.key), \(id), \(change.now))
      on conflict (account_id, environment, key_hash) do update
        set id = excluded.id, status = null, sealed_answer = null, created_at = excluded.created_at
        where a.sealed_answer is null or a.created_at < \(change.now - Self.lifetime)
      """
    )
    if claimed.affectedCount == 1 { return .first(id) }
    return .answered(try await answer(to: request, change))
  }

  private func answer(
    to request: IdempotentRequest,
    _ change: Change
  ) async throws(Fault) -> Answer {
    let row = try await change.transaction.query(
      """
      select id, status, sealed_answer from changes.idempotent_answers
      where key_hash = \(request.key)
      """
    ).single()
    let sealed: [UInt8] = try row.value(2)
    let place = Self.place(of: try row.value(0), change.tenant)
    let kept = try await dataKeys.open(sealed, in: place, of: change.tenant)
    guard kept.starts(with: request.hash) else {
      throw Fault(
        .alreadyExists,
        "This Idempotency-Key was used for another request, or by somebody else; use a new one",
        reason: .conflict
      )
    }
    return Answer(bytes: Array(kept.dropFirst(Self.hashBytes)), status: try row.value(1))
  }

  /// Keeps the answer to the first request; it is committed with the change.
  func keep(
    _ answer: Answer,
    to request: IdempotentRequest,
    inRow id: UUID,
    _ change: Change
  ) async throws(Fault) {
    guard request.hash.count == Self.hashBytes else {
      throw .internalError("A request's hash has \(request.hash.count) bytes")
    }
    let dataKey = try await dataKeys.newest(of: change.tenant)
    let place = Self.place(of: id, change.tenant)
    let sealed = dataKey.seal(request.hash + answer.bytes, in: place)
    change.transaction.send(
      """
      update changes.idempotent_answers set sealed_answer = \(sealed), status = \(answer.status)
      where id = \(id)
      """
    )
  }

  private static func place(of id: UUID, _ tenant: Tenant) -> SealingContext {
    Changes.sealedAnswers.place("sealed_answer", row: id, account: tenant.accountID)
  }
}

extension Changes {
  /// The answers that a service keeps, for its list of sealed tables.
  public nonisolated static let sealedAnswers = SealedTable(
    "changes.idempotent_answers",
    columns: ["sealed_answer"],
    condition: "sealed_by = current_user",
    // One may be as large as a message.
    batchRows: 20
  )
}
