import Changes
import Cryptography
import EventLoop
import Faults
import HTTP
import LicensesService
import Messages
import Postgres
import Primitives
import RPC
import Sealing
import SigningService
import Stubs
import TestKit
import Testing

@testable import KeysService

/// The keys service over RPC with mutual TLS, on a database of its own.
@EventLoop
final class KeysFixture {
  let test: TestDatabase
  let rpc: ServedRPC
  let clock: TestClock
  /// The service itself, for what it does without being asked.
  let keys: Keys
  /// The same of the other service of the process.
  let users: Users
  private let masterKeys: MasterKeys

  private init(
    _ test: TestDatabase,
    _ keys: Keys,
    _ users: Users,
    _ masterKeys: MasterKeys,
    _ rpc: ServedRPC,
    _ clock: TestClock
  ) {
    self.test = test
    self.keys = keys
    self.users = users
    self.masterKeys = masterKeys
    self.rpc = rpc
    self.clock = clock
  }

  /// Runs `body` with a signing service, on a database of its own, that the keys service asks for public keys.
  static func withSigning(
    _ body: @EventLoop (KeysFixture, SigningClient) async throws -> Void
  ) async throws {
    let changes = TestDatabase.Schema(Changes.schemaName, Changes.migrations)
    let schema = TestDatabase.Schema("signing", Signing.migrations)
    try await TestDatabase.with(changes, schema) { test in
      let signing = Signing(database: test.open(as: "latchkey_signing"), masterKeys: .random())
      try await ServedRPC.with("signing", register: { signing.register(on: $0) }) { rpc in
        let gateway = SigningClient(try rpc.channel(as: "gateway"))
        try await with(signing: rpc.channel(as: "keys")) { try await body($0, gateway) }
      }
    }
  }

  /// Runs `body` with the keys service; without a channel it reaches no signing service.
  static func with(
    signing: Channel? = nil,
    leakedKeys: LeakedAPIKeys = .revoke,
    leakOverlap: Duration = LeakedAPIKeys.defaultOverlap,
    _ body: @EventLoop (KeysFixture) async throws -> Void
  ) async throws {
    let changes = TestDatabase.Schema(Changes.schemaName, Changes.migrations)
    let schema = TestDatabase.Schema("keys", Keys.migrations)
    // The outbox that all services' events go to is made with the licenses.
    let licenses = TestDatabase.Schema("licenses", Licenses.migrations)
    try await TestDatabase.with(changes, schema, licenses) { test in
      let clock = TestClock()
      let masterKeys = MasterKeys.random()
      let keys = Keys(
        database: test.open(as: "latchkey_keys"),
        masterKeys: masterKeys,
        signing: signing ?? Self.nowhere,
        leakedKeys: leakedKeys,
        leakOverlap: leakOverlap,
        now: { clock.now }
      )
      let users = try users(test, masterKeys, clock)
      let register: @EventLoop (RPCServer) -> Void = { server in
        keys.register(on: server)
        users.register(on: server)
      }
      try await ServedRPC.with("keys", register: register) { rpc in
        try await body(KeysFixture(test, keys, users, masterKeys, rpc, clock))
      }
    }
  }

  /// A channel that leads to no signing service.
  private static var nowhere: Channel {
    Channel(host: "127.0.0.1", port: 1, tls: nil, serverName: "signing")
  }

  /// Another process of the users service, on the same database.
  func usersReplica(passwordCost: Argon2id.Cost = cheapCost) throws -> Users {
    try Self.users(test, masterKeys, clock, passwordCost)
  }

  /// Hashing passwords is not what most tests are about.
  nonisolated static let cheapCost = Argon2id.Cost(passes: 1, memoryKiB: 8)

  private static func users(
    _ test: TestDatabase,
    _ masterKeys: MasterKeys,
    _ clock: TestClock,
    _ passwordCost: Argon2id.Cost = cheapCost
  ) throws -> Users {
    let database = test.open(as: "latchkey_keys")
    return Users(
      database: database,
      dataKeys: DataKeyStore(
        database: database,
        schema: Keys.sealingSchema,
        sealer: Sealer(masterKeys: masterKeys)
      ),
      dashboard: try #require(DashboardAddress("https://latchkey.example")),
      passwordCost: passwordCost,
      now: { clock.now }
    )
  }

  var `operator`: KeysClient { get throws { KeysClient(try rpc.channel(as: "operator")) } }
  var gateway: KeysClient { get throws { KeysClient(try rpc.channel(as: "gateway")) } }

  /// Makes an account.
  func account(_ name: String = "Atelier") async throws -> UUID {
    let id = UUID.v7()
    _ = try await self.operator.createAccount(
      CreateAccountRequest(accountId: id.description, name: name)
    )
    return id
  }

  /// Makes an API key on the operator's word.
  func key(
    _ account: UUID,
    _ environment: ApiKey.Environment = .test,
    scopes: [String] = [],
    expiresAt: Int64? = nil
  ) async throws -> ApiKey {
    try await self.operator.issueApiKey(
      IssueApiKeyRequest(
        accountId: account.description,
        environment: environment,
        name: "First",
        scopes: scopes,
        expiresAt: expiresAt
      )
    )
  }

  /// Another process of the service, on the same database.
  func replica() -> Keys {
    Keys(
      database: test.open(as: "latchkey_keys"),
      masterKeys: .random(),
      signing: Self.nowhere,
      now: { self.clock.now }
    )
  }

  /// What the gateway asks about when it is shown a key.
  func verdict(on key: ApiKey) async throws -> AuthenticateApiKeyResponse {
    let text = try #require(key.key)
    let hash = try #require(APIKey.parse(text)).hash
    return try await gateway.authenticateApiKey(AuthenticateApiKeyRequest(sha256: hash))
  }

  /// One API key as its owner sees it.
  func shown(
    _ key: ApiKey,
    _ account: UUID,
    _ environment: Caller.Environment = .test
  ) async throws -> ApiKey {
    try await gateway.getApiKey(GetApiKeyRequest(id: key.id), options(account, environment))
  }

  /// The audit log of everybody, oldest first.
  func log() async throws -> [AuditEvent] {
    let rows = try await test.open().read("select entry from changes.audit_entries order by id")
    return try rows.map { row in
      let bytes: [UInt8] = try row.value(0)
      return try bytes.withUnsafeBytes { try AuditEvent(decoding: $0) }
    }
  }

  /// The events of everybody, oldest first, with the API keys that they tell of.
  func events() async throws -> [(type: String, key: ApiKey)] {
    let rows = try await test.open().read("select type, payload from events.outbox order by id")
    return try rows.map { row in
      let bytes: [UInt8] = try row.value(1)
      return (try row.value(0), try bytes.withUnsafeBytes { try ApiKey(decoding: $0) })
    }
  }

  /// What the gateway sends along for a request with an API key.
  func options(
    _ account: UUID,
    _ environment: Caller.Environment = .test,
    scopes: [String] = ["*"],
    key: String? = nil
  ) -> CallOptions {
    CallOptions(
      caller: Caller(
        accountId: account.description,
        environment: environment,
        actorKind: .apiKey,
        actorId: key,
        scopes: scopes
      )
    )
  }
}

/// The fault that a call ends with; fails the test when it ends well.
@EventLoop
func fault<T>(_ body: @EventLoop () async throws -> T) async throws -> Fault {
  do {
    _ = try await body()
  } catch let fault as Fault {
    return fault
  }
  throw Fault(.internalError, "The call ended well")
}
