internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// Where second factors and recovery codes are kept.
///
/// All of its SQL is here.
struct SecondFactorStore: Sendable {
  let database: Database

  /// Keeps a new secret that no code has confirmed, in the place of another such one.
  ///
  /// - Returns: False when the user has a second factor already.
  @EventLoop
  func insert(_ sealedSecret: [UInt8], of user: UUID, _ change: Change) async throws(Fault) -> Bool
  {
    try await change.transaction.query(
      """
      insert into keys.second_factors as f (account_id, user_id, sealed_totp_secret, created_at)
      values (\(change.tenant.accountID), \(user), \(sealedSecret), \(change.now))
      on conflict (account_id, user_id) do update
        set sealed_totp_secret = excluded.sealed_totp_secret, created_at = excluded.created_at
        where f.confirmed_at is null
      """
    ).affectedCount == 1
  }

  /// Reads a user's second factor, which nobody else uses until the transaction ends.
  @EventLoop
  func lock(_ user: UUID, _ change: Change) async throws(Fault) -> SecondFactorRecord? {
    let rows = try await change.transaction.query(
      """
      select sealed_totp_secret, confirmed_at, last_step from keys.second_factors
      where user_id = \(user) for update
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return SecondFactorRecord(
      userID: user,
      sealedSecret: try row.value(0),
      confirmedAt: try row.value(1),
      lastStep: try row.value(2)
    )
  }

  /// Has logins ask for codes from now on.
  @EventLoop
  func confirm(_ user: UUID, _ change: Change) {
    change.transaction.send(
      "update keys.second_factors set confirmed_at = \(change.now) where user_id = \(user)"
    )
  }

  /// Uses up the codes of a step and of those before it.
  @EventLoop
  func setLastStep(_ step: Int64, of user: UUID, _ change: Change) {
    change.transaction.send(
      "update keys.second_factors set last_step = \(step) where user_id = \(user)"
    )
  }

  /// Removes a user's second factor with its recovery codes.
  @EventLoop
  func delete(_ user: UUID, _ change: Change) {
    change.transaction.send("delete from keys.recovery_codes where user_id = \(user)")
    change.transaction.send("delete from keys.second_factors where user_id = \(user)")
  }

  // MARK: Recovery codes

  /// Keeps new recovery codes in the place of all others.
  @EventLoop
  func replaceCodes(_ macs: [[UInt8]], of user: UUID, _ change: Change) {
    change.transaction.send("delete from keys.recovery_codes where user_id = \(user)")
    change.transaction.send(
      """
      insert into keys.recovery_codes (account_id, user_id, mac, created_at)
      select \(change.tenant.accountID), \(user), mac, \(change.now) from unnest(\(macs)) as c (mac)
      """
    )
  }

  /// Uses a recovery code up.
  ///
  /// - Returns: False when there is no such code, or not any more.
  @EventLoop
  func use(_ mac: [UInt8], of user: UUID, _ change: Change) async throws(Fault) -> Bool {
    try await change.transaction.query(
      "delete from keys.recovery_codes where user_id = \(user) and mac = \(mac)"
    ).affectedCount == 1
  }

  /// How many recovery codes a user has left.
  func codeCount(_ tenant: Tenant, of user: UUID) async throws(Fault) -> Int32 {
    try await database.read(
      for: tenant,
      "select count(*)::integer from keys.recovery_codes where user_id = \(user)"
    ).single().value(0)
  }
}
