internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// Where the hashes of users' tokens are kept, with what each stands for.
///
/// All of its SQL is here.
struct UserTokenStore: Sendable {
  let database: Database

  /// What a token stands for.
  enum Kind: String {
    case session
    /// A login that waits for the second factor.
    case challenge
    case invitation
    case passwordReset = "password-reset"
  }

  /// Finds what a token stands for, across accounts.
  ///
  /// - Returns: The account's tenant and the thing's id; nil when the token is nobody's, or its time is over.
  func find(_ text: String, _ kind: Kind, at now: Timestamp) async throws(Fault) -> (Tenant, UUID)?
  {
    guard let token = OpaqueToken.parse(text) else { return nil }
    let rows = try await database.read(
      """
      select account_id, subject_id, expires_at
      from keys.find_user_token(\(token.hash), \(kind.rawValue))
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    let (account, subject, expiresAt) = try row.values(UUID.self, UUID.self, Timestamp.self)
    return expiresAt > now ? (Tenant(ofUsersOf: account), subject) : nil
  }

  /// Makes a token for a thing.
  @EventLoop
  func issue(
    _ kind: Kind,
    for subject: UUID,
    until expiry: Timestamp,
    _ change: Change
  ) -> OpaqueToken {
    let token = OpaqueToken.generate()
    change.transaction.send(
      """
      insert into keys.user_tokens (sha256, account_id, kind, subject_id, created_at, expires_at)
      values (
        \(token.hash), \(change.tenant.accountID), \(kind.rawValue), \(subject), \(change.now),
        \(expiry))
      """
    )
    return token
  }

  /// Has the tokens of a session end, as another one takes their place.
  ///
  /// Those that were current go on until `end`, for the requests that are under way with them.
  @EventLoop
  func replace(ofSession id: UUID, until end: Timestamp, _ change: Change) {
    change.transaction.send(
      """
      update keys.user_tokens set
        expires_at = least(expires_at, \(end)), replaced_at = coalesce(replaced_at, \(change.now))
      where subject_id = \(id)
      """
    )
  }

  /// Deletes the tokens of some things.
  @EventLoop
  func delete(of subjects: [UUID], _ change: Change) {
    guard !subjects.isEmpty else { return }
    change.transaction.send("delete from keys.user_tokens where subject_id = any (\(subjects))")
  }
}
