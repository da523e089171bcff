internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

/// What the database keeps of an invitation.
struct InvitationRecord: Sendable {
  /// How long a link works.
  static let lifetime = Duration.seconds(7 * 24 * 60 * 60)

  var id: UUID
  var email: EmailAddress
  var role: Role
  /// The user who invites; nil for the operator.
  var invitedBy: UUID?
  var expiresAt: Timestamp
  var createdAt: Timestamp

  /// The answer that shows the invitation, and the link when it has just been made.
  func message(showing link: String? = nil) -> Invitation {
    Invitation(
      id: id.description,
      email: email.text,
      role: role,
      link: link,
      invitedBy: invitedBy?.description,
      expiresAt: expiresAt.milliseconds,
      createdAt: createdAt.milliseconds
    )
  }
}

/// What the database keeps of a link by which a user sets another password.
struct PasswordResetRecord: Sendable {
  /// How long a link works: it is handed over by somebody who knows the user, and opens an account that exists.
  static let lifetime = Duration.seconds(24 * 60 * 60)

  var id: UUID
  var userID: UUID
  /// The user who hands it over.
  var createdBy: UUID
  var expiresAt: Timestamp
  var createdAt: Timestamp

  /// The answer that shows the link's times, and the link when it has just been made.
  func message(showing link: String? = nil) -> PasswordReset {
    PasswordReset(
      id: id.description,
      userId: userID.description,
      link: link,
      expiresAt: expiresAt.milliseconds,
      createdAt: createdAt.milliseconds
    )
  }
}

/// Where invitations and links for other passwords are kept, as long as they can be used.
///
/// All of its SQL is here.
struct LinkStore: Sendable {
  let database: Database

  private static let columns = "id, email, role, invited_by, expires_at, created_at"

  // MARK: Invitations

  /// Adds an invitation.
  @EventLoop
  func insert(_ invitation: InvitationRecord, _ change: Change) {
    change.transaction.send(
      """
      insert into keys.invitations (
        account_id, id, email, role, invited_by, expires_at, created_at)
      values (
        \(change.tenant.accountID), \(invitation.id), \(invitation.email.text),
        \(invitation.role.stored), \(invitation.invitedBy), \(invitation.expiresAt),
        \(invitation.createdAt))
      """
    )
  }

  /// Reads an account's invitations below an id that can still be accepted, newest first.
  func list(
    _ tenant: Tenant,
    at now: Timestamp,
    below: UUID,
    rows: Int32
  ) async throws(Fault) -> [InvitationRecord] {
    try invitations(
      try await database.read(
        for: tenant,
        """
        select \(unescaped: Self.columns) from keys.invitations
        where id < \(below) and expires_at > \(now) order by id desc limit \(rows)
        """
      )
    )
  }

  /// Takes an invitation out of the database: of several who do so at once, one gets it.
  @EventLoop
  func take(invitation id: UUID, _ change: Change) async throws(Fault) -> InvitationRecord? {
    try invitations(
      try await change.transaction.query(
        "delete from keys.invitations where id = \(id) returning \(unescaped: Self.columns)"
      )
    ).first
  }

  /// Takes all invitations out of the database that a user has made.
  @EventLoop
  func takeInvitations(by user: UUID, _ change: Change) async throws(Fault) -> [InvitationRecord] {
    try invitations(
      try await change.transaction.query(
        "delete from keys.invitations where invited_by = \(user) returning \(unescaped: Self.columns)"
      )
    )
  }

  private func invitations(_ rows: Rows) throws(Fault) -> [InvitationRecord] {
    var records: [InvitationRecord] = []
    for row in rows {
      records.append(
        InvitationRecord(
          id: try row.value(0),
          email: EmailAddress(try row.value(1)),
          role: try Role(stored: row.value(2)),
          invitedBy: try row.value(3),
          expiresAt: try row.value(4),
          createdAt: try row.value(5)
        )
      )
    }
    return records
  }

  // MARK: Other passwords

  /// Adds a link by which a user sets another password.
  @EventLoop
  func insert(_ reset: PasswordResetRecord, _ change: Change) {
    change.transaction.send(
      """
      insert into keys.password_resets (
        account_id, id, user_id, created_by, expires_at, created_at)
      values (
        \(change.tenant.accountID), \(reset.id), \(reset.userID), \(reset.createdBy),
        \(reset.expiresAt), \(reset.createdAt))
      """
    )
  }

  /// The user whom a link is for.
  func user(ofPasswordReset id: UUID, _ tenant: Tenant) async throws(Fault) -> UUID? {
    try await database.read(
      for: tenant,
      "select user_id from keys.password_resets where id = \(id)"
    ).singleOrNone()?.value(0)
  }

  /// Takes a link out of the database: of several who do so at once, one gets it.
  ///
  /// - Returns: Whether it was there.
  @EventLoop
  func take(passwordReset id: UUID, _ change: Change) async throws(Fault) -> Bool {
    try await change.transaction.query(
      "delete from keys.password_resets where id = \(id)"
    ).affectedCount == 1
  }

  /// Deletes a user's links; their tokens lead nowhere then.
  @EventLoop
  func deletePasswordResets(of user: UUID, _ change: Change) {
    change.transaction.send("delete from keys.password_resets where user_id = \(user)")
  }

  /// Deletes the links that a user has made for others.
  @EventLoop
  func deletePasswordResets(by user: UUID, _ change: Change) {
    change.transaction.send("delete from keys.password_resets where created_by = \(user)")
  }
}
