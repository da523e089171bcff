internal import Changes
public import Cryptography
public import EventLoop
public import Faults
public import Postgres
public import Primitives
public import RPC
public import Sealing
public import Stubs

/// The keys service: accounts, their response-signing keys, and their API keys.
///
/// Each RPC is an extension in the file of its name; rules are pure and lie beside; all SQL is in stores.
@EventLoop
public final class Keys: KeysService {
  let accounts: AccountStore
  let responseSigningKeys: ResponseSigningKeyStore
  let apiKeys: APIKeyStore
  /// What accounts' secrets are sealed by.
  public let dataKeys: DataKeyStore
  let sealer: Sealer
  let changes: Changes
  /// The signing service.
  let signing: SigningClient
  /// What is done about API keys that are reported as leaked.
  let leakedKeys: LeakedAPIKeys
  /// How long a leaked key goes on where it is to be replaced.
  let leakOverlap: Duration
  /// What is known of the API keys that hashes lead to; asked for in batches.
  let keyFacts: Batcher<Digest, KeyFacts>
  /// When API keys were used, until it is written.
  let uses: LastUses
  /// The time, which tests set.
  let now: @Sendable () -> Timestamp

  /// The most keys that one look-up in the database takes.
  private static let batchKeysMax = 512

  /// Makes the service.
  ///
  /// - Parameters:
  ///   - database: Connected as the role `latchkey_keys`.
  ///   - masterKeys: What accounts' data keys are wrapped with.
  ///   - signing: The channel to the signing service.
  ///   - leakedKeys: What is done about API keys that are reported as leaked.
  ///   - leakOverlap: How long a leaked key goes on where it is to be replaced.
  ///   - now: The clock.
  public init(
    database: Database,
    masterKeys: MasterKeys,
    signing: Channel,
    leakedKeys: LeakedAPIKeys = .revoke,
    leakOverlap: Duration = LeakedAPIKeys.defaultOverlap,
    now: @escaping @Sendable () -> Timestamp = Timestamp.now
  ) {
    let apiKeys = APIKeyStore(database: database)
    let sealer = Sealer(masterKeys: masterKeys)
    let dataKeys = DataKeyStore(
      database: database,
      schema: Keys.sealingSchema,
      sealer: sealer,
      now: now
    )
    accounts = AccountStore(database: database)
    responseSigningKeys = ResponseSigningKeyStore(database: database)
    self.apiKeys = apiKeys
    self.dataKeys = dataKeys
    self.sealer = sealer
    self.signing = SigningClient(signing)
    self.leakedKeys = leakedKeys
    self.leakOverlap = leakOverlap
    changes = Changes(database: database, dataKeys: dataKeys, now: now)
    self.now = now
    uses = LastUses { (uses, tenant) async throws(Fault) in
      try await apiKeys.note(uses, for: tenant)
    }
    keyFacts = Batcher(keysMax: Self.batchKeysMax) { (hashes) async throws(Fault) in
      try await apiKeys.authenticate(hashes)
    }
  }

  /// How often uses of API keys are written.
  public nonisolated static let usesInterval = LastUses.flushInterval

  /// Writes which API keys were used; the last time when the service stops.
  ///
  /// - Throws: ``Fault`` of the database; nothing is lost, it is tried again with the next.
  public func flushUses() async throws(Fault) { try await uses.flush() }
}
