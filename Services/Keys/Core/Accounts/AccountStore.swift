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

/// What an account's answers are signed with.
struct SealedSigningKeys: Sendable {
  var active: SealedSigningKey
  /// The one that will take the other's place; nil but during a rotation.
  var next: SealedSigningKey?
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
      insert into keys.response_signing_keys (
        account_id, id, state, sealed_secret, created_at, activated_at)
      select account_id, \(key.id), 'active', \(key.secret), created_at, created_at from account
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

  /// The response-signing keys of an account, or of the only account when none is named.
  ///
  /// - Returns: Nil when there is no such account, or when none is named and there are several.
  func responseSigningKeys(of account: UUID?) async throws(Fault) -> SealedSigningKeys? {
    try Self.signingKeys(try await database.read(Self.selection(account)))
  }

  /// The same, as the transaction of a change sees it.
  @EventLoop
  func responseSigningKeys(
    of account: UUID,
    _ change: Change
  ) async throws(Fault) -> SealedSigningKeys? {
    try Self.signingKeys(try await change.transaction.query(Self.selection(account)))
  }

  private static func selection(_ account: UUID?) -> Query {
    """
    select account_id, id, sealed_secret, data_key_version, wrapped_key,
      next_id, next_sealed_secret, next_data_key_version, next_wrapped_key
    from keys.response_signing_key(\(account))
    """
  }

  private static func signingKeys(_ rows: Rows) throws(Fault) -> SealedSigningKeys? {
    guard let row = try rows.singleOrNone() else { return nil }
    let account: UUID = try row.value(0)
    let nextID: UUID? = try row.value(5)
    return SealedSigningKeys(
      active: try signingKey(row, from: 1, of: account),
      next: nextID == nil ? nil : try signingKey(row, from: 5, of: account)
    )
  }

  /// Reads the id, the sealed secret and the data key of a signing key, in columns beside each other.
  private static func signingKey(
    _ row: Row,
    from column: Int,
    of account: UUID
  ) throws(Fault) -> SealedSigningKey {
    let version: Int32 = try row.value(column + 2)
    let dataKey = WrappedDataKey(
      accountID: account,
      version: UInt32(version),
      bytes: try row.value(column + 3)
    )
    return SealedSigningKey(
      id: try row.value(column),
      secret: try row.value(column + 1),
      dataKey: dataKey
    )
  }
}
