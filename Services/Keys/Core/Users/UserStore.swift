internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

/// Where users are kept.
///
/// All of its SQL is here.
struct UserStore: Sendable {
  let database: Database

  private static let selection = """
    select u.id, u.email, u.name, u.role, u.password_hash, u.login_addresses, u.disabled_at,
      u.last_login_at, u.created_at,
      exists (
        select from keys.second_factors f
        where f.account_id = u.account_id and f.user_id = u.id and f.confirmed_at is not null)
    from keys.users u
    """

  /// Finds the user with an address, across accounts.
  func find(_ email: EmailAddress) async throws(Fault) -> LoginFacts? {
    let rows = try await database.read(
      "select account_id, user_id, password_hash, login_addresses from keys.find_user(\(email.text))"
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return LoginFacts(
      tenant: Tenant(ofUsersOf: try row.value(0)),
      userID: try row.value(1),
      passwordHash: try row.value(2),
      loginAddresses: try row.value(3)
    )
  }

  /// Adds a user with their address.
  ///
  /// - Throws: ``Fault`` `CONFLICT` when somebody in the deployment has the address, also since this moment.
  @EventLoop
  func insert(_ user: UserRecord, _ change: Change) async throws(Fault) {
    let account = change.tenant.accountID
    do throws(Fault) {
      try await change.transaction.query(
        """
        with email as (
          insert into keys.user_emails (email, account_id, user_id)
          values (\(user.email.text), \(account), \(user.id))
        )
        insert into keys.users (
          account_id, id, email, name, role, password_hash, login_addresses, last_login_at, created_at)
        values (
          \(account), \(user.id), \(user.email.text), \(user.name), \(user.role.stored),
          \(user.passwordHash), \(user.loginAddresses), \(user.lastLoginAt), \(user.createdAt))
        """
      )
    } catch {
      guard error.serverError?.state == .uniqueViolation,
        error.serverError?.constraint == "user_emails_pkey"
      else { throw error }
      throw .userExists
    }
  }

  /// Reads an account's users below an id, newest first.
  func list(_ tenant: Tenant, below: UUID, rows: Int32) async throws(Fault) -> [UserRecord] {
    try records(
      try await database.read(
        for: tenant,
        """
        \(unescaped: Self.selection) where u.id < \(below) order by u.id desc limit \(rows)
        """
      )
    )
  }

  /// Reads one of an account's users.
  func get(_ id: UUID, of tenant: Tenant) async throws(Fault) -> UserRecord? {
    try records(
      try await database.read(for: tenant, "\(unescaped: Self.selection) where u.id = \(id)")
    ).first
  }

  /// Whether one of an account's users has an address.
  @EventLoop
  func hasUser(_ email: EmailAddress, _ change: Change) async throws(Fault) -> Bool {
    try await !change.transaction.query(
      "select from keys.user_emails where email = \(email.text)"
    ).isEmpty
  }

  /// Reads one of an account's users, whom nobody else changes until the transaction ends.
  @EventLoop
  func lock(_ id: UUID, _ change: Change) async throws(Fault) -> UserRecord? {
    try records(
      try await change.transaction.query(
        "\(unescaped: Self.selection) where u.id = \(id) for no key update of u"
      )
    ).first
  }

  /// Reads some users and all owners who can log in, whom nobody else changes until the transaction ends: two owners who
  /// remove each other at once wait for one another, and the second finds the first gone.
  @EventLoop
  func lockWithOwners(_ ids: [UUID], _ change: Change) async throws(Fault) -> [UserRecord] {
    try records(
      try await change.transaction.query(
        """
        \(unescaped: Self.selection)
        where u.id = any (\(ids)) or (u.role = 'owner' and u.disabled_at is null)
        order by u.id for no key update of u
        """
      )
    )
  }

  /// Writes what may change of a locked user.
  @EventLoop
  func update(_ user: UserRecord, _ change: Change) {
    change.transaction.send(
      """
      update keys.users set
        name = \(user.name), role = \(user.role.stored), password_hash = \(user.passwordHash),
        login_addresses = \(user.loginAddresses), disabled_at = \(user.disabledAt),
        last_login_at = \(user.lastLoginAt)
      where id = \(user.id)
      """
    )
  }

  /// Deletes a locked user, of whom nothing else is left.
  @EventLoop
  func delete(_ id: UUID, _ change: Change) {
    change.transaction.send("delete from keys.user_emails where user_id = \(id)")
    change.transaction.send("delete from keys.users where id = \(id)")
  }

  /// The name of an account.
  func accountName(_ tenant: Tenant) async throws(Fault) -> String {
    try await database.read(for: tenant, "select name from keys.accounts").single().value(0)
  }

  /// Whether there is an account.
  @EventLoop
  func hasAccount(_ change: Change) async throws(Fault) -> Bool {
    try await !change.transaction.query("select from keys.accounts").isEmpty
  }

  private func records(_ rows: Rows) throws(Fault) -> [UserRecord] {
    var users: [UserRecord] = []
    for row in rows {
      users.append(
        UserRecord(
          id: try row.value(0),
          email: EmailAddress(try row.value(1)),
          name: try row.value(2),
          role: try Role(stored: row.value(3)),
          passwordHash: try row.value(4),
          loginAddresses: try row.value(5),
          disabledAt: try row.value(6),
          lastLoginAt: try row.value(7),
          createdAt: try row.value(8),
          hasSecondFactor: try row.value(9)
        )
      )
    }
    return users
  }
}

extension Tenant {
  /// An account's users, who are above the environments; a transaction names one all the same, and so do audit lines.
  init(ofUsersOf account: UUID) { self.init(accountID: account, environment: .live) }
}

extension Fault {
  /// An address is taken.
  ///
  /// Who may be told that holds an invitation to it, or shares an account with its user.
  static let userExists = Fault(
    .alreadyExists,
    "There is a user with this e-mail address already",
    reason: .conflict
  )
}
