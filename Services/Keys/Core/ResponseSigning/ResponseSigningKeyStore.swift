internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// Where response-signing keys change; the secrets in use are read by ``AccountStore``.
///
/// All of its SQL is here.
struct ResponseSigningKeyStore: Sendable {
  let database: Database

  private static let columns = "id, state, created_at, activated_at, retired_at"

  /// Reads an account's keys, newest first: one in each state at most.
  func list(_ tenant: Tenant) async throws(Fault) -> [ResponseSigningKeyRecord] {
    let rows = try await database.read(
      for: tenant,
      "select \(unescaped: Self.columns) from keys.response_signing_keys order by id desc"
    )
    return try rows.map { (row) throws(Fault) in try ResponseSigningKeyRecord(row) }
  }

  /// Adds the next key.
  ///
  /// - Returns: False when the account has one already.
  @EventLoop
  func insert(
    _ key: ResponseSigningKeyRecord,
    sealedSecret: [UInt8],
    _ change: Change
  ) async throws(Fault) -> Bool {
    try await change.transaction.query(
      """
      insert into keys.response_signing_keys (account_id, id, state, sealed_secret, created_at)
      values (\(change.tenant.accountID), \(key.id), \(key.state.rawValue), \(sealedSecret),
        \(key.createdAt))
      on conflict (account_id, state) do nothing
      """
    ).affectedCount == 1
  }

  /// Reads a key, which nobody else changes until the transaction ends.
  @EventLoop
  func lock(_ id: UUID, _ change: Change) async throws(Fault) -> ResponseSigningKeyRecord? {
    let rows = try await change.transaction.query(
      """
      select \(unescaped: Self.columns) from keys.response_signing_keys where id = \(id) for update
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return try ResponseSigningKeyRecord(row)
  }

  /// Reads the active key, which nobody else changes until the transaction ends.
  @EventLoop
  func lockActive(_ change: Change) async throws(Fault) -> ResponseSigningKeyRecord {
    let rows = try await change.transaction.query(
      """
      select \(unescaped: Self.columns) from keys.response_signing_keys
      where state = 'active' for update
      """
    )
    return try ResponseSigningKeyRecord(rows.single())
  }

  /// Puts the locked next key in the place of the locked active one, whose secret is forgotten.
  @EventLoop
  func promote(_ next: UUID, _ change: Change) {
    change.transaction.send("delete from keys.response_signing_keys where state = 'retired'")
    change.transaction.send(
      """
      update keys.response_signing_keys
      set state = 'retired', retired_at = \(change.now), sealed_secret = null
      where state = 'active'
      """
    )
    change.transaction.send(
      """
      update keys.response_signing_keys set state = 'active', activated_at = \(change.now)
      where id = \(next)
      """
    )
  }

  /// Deletes a locked key.
  @EventLoop
  func delete(_ id: UUID, _ change: Change) {
    change.transaction.send("delete from keys.response_signing_keys where id = \(id)")
  }
}

extension ResponseSigningKeyRecord {
  /// Reads a row of ``ResponseSigningKeyStore``'s columns.
  fileprivate init(_ row: Row) throws(Fault) {
    let name: String = try row.value(1)
    guard let state = State(rawValue: name) else {
      throw .internalError("A response-signing key is in no known state")
    }
    self.init(
      id: try row.value(0),
      state: state,
      createdAt: try row.value(2),
      activatedAt: try row.value(3),
      retiredAt: try row.value(4)
    )
  }
}
