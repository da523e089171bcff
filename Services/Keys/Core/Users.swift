internal import Changes
public import Cryptography
public import EventLoop
internal import Faults
public import Postgres
public import Primitives
public import Sealing
public import Stubs

/// Users of the dashboard: the second service of this process, beside ``Keys`` and on the same tables.
///
/// Each RPC is an extension in the file of its name, or of its kin; rules are pure and lie beside; all SQL is in stores.
@EventLoop
public final class Users: UsersService {
  let users: UserStore
  let sessions: SessionStore
  let tokens: UserTokenStore
  let links: LinkStore
  let secondFactors: SecondFactorStore
  let dataKeys: DataKeyStore
  let passwords: Passwords
  let throttle: LoginThrottle
  let changes: Changes
  /// Where the links lead that are handed to users.
  let dashboard: DashboardAddress
  /// What is known of the sessions that tokens lead to; asked for in batches.
  let sessionFacts: Batcher<Digest, SessionFacts>
  /// When sessions were used, until it is written.
  let uses: LastUses
  /// The time, which tests set.
  let now: @Sendable () -> Timestamp

  /// The most tokens that one look-up in the database takes.
  private static let batchTokensMax = 512

  /// Makes the service.
  ///
  /// - Parameters:
  ///   - database: Connected as the role `latchkey_keys`.
  ///   - dataKeys: What accounts' secrets are sealed by.
  ///   - dashboard: Where the links lead that are handed to users.
  ///   - passwordCost: What hashing a password costs; what is hashed at another cost is hashed anew at the next login.
  ///   - now: The clock.
  public init(
    database: Database,
    dataKeys: DataKeyStore,
    dashboard: DashboardAddress,
    passwordCost: Argon2id.Cost = Users.standardPasswordCost,
    now: @escaping @Sendable () -> Timestamp = Timestamp.now
  ) {
    let sessions = SessionStore(database: database)
    users = UserStore(database: database)
    self.sessions = sessions
    tokens = UserTokenStore(database: database)
    links = LinkStore(database: database)
    secondFactors = SecondFactorStore(database: database)
    self.dataKeys = dataKeys
    passwords = Passwords(cost: passwordCost)
    throttle = LoginThrottle(now: now)
    changes = Changes(database: database, dataKeys: dataKeys, now: now)
    self.dashboard = dashboard
    self.now = now
    uses = LastUses { (uses, tenant) async throws(Fault) in
      try await sessions.note(uses, for: tenant)
    }
    sessionFacts = Batcher("sessions", keysMax: Self.batchTokensMax) {
      (hashes) async throws(Fault) in
      try await sessions.authenticate(hashes)
    }
  }

  /// What hashing a password costs unless it is said.
  public nonisolated static let standardPasswordCost = Passwords.standardCost
  /// How often uses of sessions are written.
  public nonisolated static let usesInterval = LastUses.flushInterval
}
