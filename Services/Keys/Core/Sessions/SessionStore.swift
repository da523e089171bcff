internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

/// Where sessions are kept, and logins that wait for the second factor.
///
/// All of its SQL is here.
struct SessionStore: Sendable {
  let database: Database

  private static let columns = "id, user_id, client_address, last_used_at, expires_at, created_at"

  // MARK: Sessions

  /// Adds a session.
  @EventLoop
  func insert(_ session: SessionRecord, _ change: Change) {
    change.transaction.send(
      """
      insert into keys.sessions (
        account_id, id, user_id, client_address, last_used_at, rotates_at, expires_at, created_at)
      values (
        \(change.tenant.accountID), \(session.id), \(session.userID), \(session.clientAddress),
        \(session.lastUsedAt), \(change.now + SessionFacts.rotationInterval), \(session.expiresAt),
        \(session.createdAt))
      """
    )
  }

  /// Reads a user's sessions below an id, newest first; those that have ended by either limit are left out.
  func list(
    _ tenant: Tenant,
    of user: UUID,
    at now: Timestamp,
    below: UUID,
    rows: Int32
  ) async throws(Fault) -> [SessionRecord] {
    try records(
      try await database.read(
        for: tenant,
        """
        select \(unescaped: Self.columns) from keys.sessions
        where user_id = \(user) and id < \(below) and expires_at > \(now)
          and last_used_at > \(now - SessionRecord.idleLimit)
        order by id desc limit \(rows)
        """
      )
    )
  }

  /// Reads one session, which nobody else changes until the transaction ends.
  @EventLoop
  func lock(_ id: UUID, _ change: Change) async throws(Fault) -> SessionRecord? {
    try records(
      try await change.transaction.query(
        "select \(unescaped: Self.columns) from keys.sessions where id = \(id) for update"
      )
    ).first
  }

  /// Reads all sessions of a user, newest first, which nobody else changes until the transaction ends.
  @EventLoop
  func lock(ofUser user: UUID, _ change: Change) async throws(Fault) -> [SessionRecord] {
    try records(
      try await change.transaction.query(
        """
        select \(unescaped: Self.columns) from keys.sessions where user_id = \(user)
        order by id desc for update
        """
      )
    )
  }

  /// Deletes locked sessions.
  @EventLoop
  func delete(_ ids: [UUID], _ change: Change) {
    change.transaction.send("delete from keys.sessions where id = any (\(ids))")
  }

  /// Says from when the tokens of a user's sessions are to be exchanged.
  @EventLoop
  func setRotation(ofUser user: UUID, at moment: Timestamp, _ change: Change) {
    change.transaction.send(
      "update keys.sessions set rotates_at = \(moment) where user_id = \(user)"
    )
  }

  /// Says from when the token of a session is to be exchanged.
  @EventLoop
  func setRotation(of session: UUID, at moment: Timestamp, _ change: Change) {
    change.transaction.send(
      "update keys.sessions set rotates_at = \(moment) where id = \(session)"
    )
  }

  /// Writes the minute of the last use of some sessions, where it is later than the one written.
  ///
  /// The rows are locked in one order, so that several processes can do so at once.
  func note(_ uses: [UUID: Timestamp], for tenant: Tenant) async throws(Fault) {
    try await database.query(
      for: tenant,
      """
      with used as (
        select s.id, n.minute
        from unnest(\(Array(uses.keys)), \(Array(uses.values))) as n (id, minute)
        join keys.sessions s on s.id = n.id
        where s.last_used_at < n.minute
        order by s.id for no key update of s
      )
      update keys.sessions s set last_used_at = used.minute from used where s.id = used.id
      """
    )
  }

  /// Reads whose sessions each of many hashes leads to, across accounts; a hash that no token has is left out.
  func authenticate(_ hashes: [Digest]) async throws(Fault) -> [Digest: SessionFacts] {
    let rows = try await database.read(
      """
      select sha256, account_id, session_id, user_id, role, disabled_at, token_expires_at,
        token_replaced_at, last_used_at, rotates_at, expires_at
      from keys.authenticate_sessions(\(hashes))
      """
    )
    var facts: [Digest: SessionFacts] = [:]
    for row in rows {
      facts[try row.value(0)] = SessionFacts(
        tenant: Tenant(ofUsersOf: try row.value(1)),
        sessionID: try row.value(2),
        userID: try row.value(3),
        role: try Role(stored: row.value(4)),
        disabledAt: try row.value(5),
        tokenExpiresAt: try row.value(6),
        tokenReplacedAt: try row.value(7),
        lastUsedAt: try row.value(8),
        rotatesAt: try row.value(9),
        expiresAt: try row.value(10)
      )
    }
    return facts
  }

  /// Deletes what has ended, across accounts; at most so many rows of what can be many.
  ///
  /// - Returns: How many rows were deleted.
  func sweep(at now: Timestamp, rows: Int32) async throws(Fault) -> Int32 {
    try await database.query(
      "select keys.sweep_logins(\(now), \(rows))"
    ).single().value(0)
  }

  private func records(_ rows: Rows) throws(Fault) -> [SessionRecord] {
    var sessions: [SessionRecord] = []
    for row in rows {
      sessions.append(
        SessionRecord(
          id: try row.value(0),
          userID: try row.value(1),
          clientAddress: try row.value(2),
          lastUsedAt: try row.value(3),
          expiresAt: try row.value(4),
          createdAt: try row.value(5)
        )
      )
    }
    return sessions
  }

  // MARK: Challenges

  /// Adds a challenge.
  @EventLoop
  func insert(_ challenge: LoginChallenge, _ change: Change) {
    change.transaction.send(
      """
      insert into keys.login_challenges (
        account_id, id, user_id, attempts_left, expires_at, created_at)
      values (
        \(change.tenant.accountID), \(challenge.id), \(challenge.userID),
        \(challenge.attemptsLeft), \(challenge.expiresAt), \(change.now))
      """
    )
  }

  /// The user who is to answer a challenge.
  @EventLoop
  func user(ofChallenge id: UUID, _ change: Change) async throws(Fault) -> UUID? {
    try await change.transaction.query(
      "select user_id from keys.login_challenges where id = \(id)"
    ).singleOrNone()?.value(0)
  }

  /// Reads a challenge, which nobody else answers until the transaction ends.
  @EventLoop
  func lockChallenge(_ id: UUID, _ change: Change) async throws(Fault) -> LoginChallenge? {
    let rows = try await change.transaction.query(
      """
      select user_id, attempts_left, expires_at from keys.login_challenges
      where id = \(id) for update
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return LoginChallenge(
      id: id,
      userID: try row.value(0),
      attemptsLeft: try row.value(1),
      expiresAt: try row.value(2)
    )
  }

  /// Takes one attempt from a locked challenge.
  @EventLoop
  func spendAttempt(of challenge: UUID, _ change: Change) {
    change.transaction.send(
      "update keys.login_challenges set attempts_left = attempts_left - 1 where id = \(challenge)"
    )
  }

  /// Deletes a locked challenge.
  @EventLoop
  func delete(challenge: UUID, _ change: Change) {
    change.transaction.send("delete from keys.login_challenges where id = \(challenge)")
  }

  /// Deletes a user's challenges; their tokens lead nowhere then.
  @EventLoop
  func deleteChallenges(ofUser user: UUID, _ change: Change) {
    change.transaction.send("delete from keys.login_challenges where user_id = \(user)")
  }
}
