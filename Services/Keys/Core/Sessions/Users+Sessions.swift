internal import Changes
internal import Cryptography
public import Faults
internal import Messages
internal import Primitives
internal import RPC

extension Users {
  /// How many addresses are remembered that a user logged in from.
  private static let loginAddressesMax = 10

  /// Begins a session of a locked user and gives its token to the caller.
  ///
  /// Where the user has many, the oldest ends.
  ///
  /// The user is written with the login, and with whatever else was changed about them.
  func beginSession(
    of user: inout UserRecord,
    from address: LoginAddress,
    _ call: Call,
    _ change: Change
  ) async throws(Fault) {
    let origin = Origin(call, user: user.id)
    let others = try await sessions.lock(ofUser: user.id, change)
    try end(Array(others.dropFirst(SessionRecord.countPerUserMax - 1)), change, by: origin)
    let session = SessionRecord(
      id: .v7(at: change.now),
      userID: user.id,
      clientAddress: call.caller?.clientAddress,
      lastUsedAt: change.now,
      expiresAt: change.now + SessionRecord.absoluteLimit,
      createdAt: change.now
    )
    sessions.insert(session, change)
    let token = tokens.issue(.session, for: session.id, until: session.expiresAt, change)
    user.lastLoginAt = change.now
    let earlier = user.loginAddresses.filter { $0 != address.text }
    user.loginAddresses = Array(([address.text] + earlier).prefix(Self.loginAddressesMax))
    users.update(user, change)
    try change.record(
      "session.create",
      session.id,
      before: nil,
      after: session.message(),
      by: origin
    )
    call.giveSession(token.text)
  }

  /// Ends locked sessions.
  func end(
    _ ended: [SessionRecord],
    _ change: Change,
    by origin: Origin? = nil
  ) throws(Fault) {
    guard !ended.isEmpty else { return }
    let ids = ended.map(\.id)
    tokens.delete(of: ids, change)
    sessions.delete(ids, change)
    for session in ended {
      try change.record(
        "session.end",
        session.id,
        before: session.message(),
        after: nil,
        by: origin
      )
    }
  }

  /// Ends all sessions of a user, and the logins that wait for a code.
  func endAll(of user: UUID, except kept: UUID? = nil, _ change: Change) async throws(Fault) {
    let all = try await sessions.lock(ofUser: user, change)
    try end(all.filter { $0.id != kept }, change)
    sessions.deleteChallenges(ofUser: user, change)
  }

  /// Exchanges the token of the session that asks, since what its user is has changed; the old one is dead at once.
  func exchangeToken(_ user: LoggedInUser, _ call: Call, _ change: Change) async throws(Fault) {
    guard let session = try await sessions.lock(user.sessionID, change) else { throw .sessionEnded }
    tokens.replace(ofSession: session.id, until: change.now, change)
    sessions.setRotation(
      of: session.id,
      at: change.now + SessionFacts.rotationInterval,
      change
    )
    let token = tokens.issue(.session, for: session.id, until: session.expiresAt, change)
    call.giveSession(token.text)
  }

  /// How often what has ended is swept away.
  public nonisolated static let sweepInterval = Duration.seconds(60)
  private static let sweepRowsMax: Int32 = 1_000

  /// Sweeps away sessions, half-done logins and links that have ended by time, from all accounts.
  ///
  /// They work no longer either way.
  public func sweep() async throws(Fault) {
    while try await sessions.sweep(at: now(), rows: Self.sweepRowsMax) >= Self.sweepRowsMax {}
  }

  /// Writes which sessions were used.
  ///
  /// - Throws: ``Fault`` of the database; nothing is lost, it is tried again with the next.
  public func flushUses() async throws(Fault) { try await uses.flush() }
}
