internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives
internal import Sealing

/// An account as the database keeps it, with its secrets sealed.
struct AccountRecord: Sendable {
  var id: UUID
  var name: String
  var createdAt: Timestamp
}

/// A response-signing key as the database keeps it, with what is needed to open it.
struct SealedSigningKey: Sendable {
  var id: UUID
  var secret: [UInt8]
  /// What sealed the secret, itself wrapped; it names the account.
  var dataKey: WrappedDataKey

  /// Where the secret is kept, which it is bound to.
  var place: SealingContext {
    Keys.responseSigningKeys.place("sealed_secret", row: id, account: dataKey.accountID)
  }
}

/// Where accounts are kept, with the secrets each has one of.
///
/// All of its SQL is here.
struct AccountStore: Sendable {
  let database: Database

  /// Adds an account with its secrets, unless one with that id is there.
  ///
  /// - Returns: Whether it was added.
  @EventLoop
  func insert(
    _ account: AccountRecord,
    _ key: SealedSigningKey,
    _ change: Change
  ) async throws(Fault) -> Bool {
    try await change.transaction.query(
      """
      with account as (
        insert into keys.accounts (account_id, name, created_at)
        values (\(account.id), \(account.name), \(account.createdAt))
        on conflict do nothing
        returning account_id, created_at
      ), data_key as (
        insert into keys.data_keys (account_id, version, wrapped_key, created_at)
        select account_id, \(Int32(key.dataKey.version)), \(key.dataKey.bytes), created_at from account
      )
      insert into keys.response_signing_keys (account_id, id, sealed_secret, created_at)
      select account_id, \(key.id), \(key.secret), created_at from account
      """
    ).affectedCount == 1
  }

  /// Reads an account that is there, also one that was added by somebody else while this transaction waited.
  @EventLoop
  func get(_ id: UUID, _ change: Change) async throws(Fault) -> AccountRecord {
    let row = try await change.transaction.query(
      "select name, created_at from keys.accounts where account_id = \(id)"
    ).single()
    return AccountRecord(id: id, name: try row.value(0), createdAt: try row.value(1))
  }

  /// The response-signing key of an account, or of the only account when none is named.
  ///
  /// - Returns: Nil when there is no such account, or when none is named and there are several.
  func responseSigningKey(of account: UUID?) async throws(Fault) -> SealedSigningKey? {
    try Self.signingKey(try await database.read(Self.selection(account)))
  }

  /// The same, as the transaction of a change sees it.
  @EventLoop
  func responseSigningKey(
    of account: UUID,
    _ change: Change
  ) async throws(Fault) -> SealedSigningKey? {
    try Self.signingKey(try await change.transaction.query(Self.selection(account)))
  }

  private static func selection(_ account: UUID?) -> Query {
    """
    select account_id, id, sealed_secret, data_key_version, wrapped_key
    from keys.response_signing_key(\(account))
    """
  }

  private static func signingKey(_ rows: Rows) throws(Fault) -> SealedSigningKey? {
    guard let row = try rows.singleOrNone() else { return nil }
    let version: Int32 = try row.value(3)
    let dataKey = WrappedDataKey(
      accountID: try row.value(0),
      version: UInt32(version),
      bytes: try row.value(4)
    )
    return SealedSigningKey(id: try row.value(1), secret: try row.value(2), dataKey: dataKey)
  }
}
