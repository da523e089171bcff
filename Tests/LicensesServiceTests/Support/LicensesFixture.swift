import Changes
import Cryptography
import EventLoop
import Faults
import HTTP
import LicensesService
import Messages
import Metrics
import Postgres
import Primitives
import RPC
import Stubs
import TestKit

/// The licenses service over RPC with mutual TLS, on a database of its own.
@EventLoop
final class LicensesFixture {
  let test: TestDatabase
  let rpc: ServedRPC
  let clock: TestClock
  /// The service itself, for what it does unasked.
  let service: Licenses
  /// What the service asks.
  private let database: Database
  private let masterKeys: MasterKeys
  /// The tenant that most tests act for.
  let tenant = Tenant(accountID: .v7(), environment: .test)

  private init(
    _ test: TestDatabase,
    _ rpc: ServedRPC,
    _ clock: TestClock,
    _ service: Licenses,
    _ database: Database,
    _ masterKeys: MasterKeys
  ) {
    self.test = test
    self.rpc = rpc
    self.clock = clock
    self.service = service
    self.database = database
    self.masterKeys = masterKeys
  }

  static func with(
    masterKeys: MasterKeys = .random(),
    limits: PlanLimits = .none,
    leakedKeys: LeakedLicenseKeys = .alert,
    signing: Channel? = nil,
    _ body: @EventLoop (LicensesFixture) async throws -> Void
  ) async throws {
    let changes = TestDatabase.Schema(Changes.schemaName, Changes.migrations)
    let schema = TestDatabase.Schema("licenses", Licenses.migrations)
    try await TestDatabase.with(changes, schema) { test in
      let clock = TestClock()
      let database = test.open(as: "latchkey_licenses")
      let licenses = Licenses(
        database: database,
        masterKeys: masterKeys,
        signing: signing ?? Self.nowhere,
        limits: limits,
        leakedKeys: leakedKeys,
        now: { clock.now }
      )
      try await ServedRPC.with("licenses", register: { licenses.register(on: $0) }) { rpc in
        try await body(LicensesFixture(test, rpc, clock, licenses, database, masterKeys))
      }
    }
  }

  /// How many exchanges the service has had with the database.
  var exchangeCount: Int {
    var exposition = Exposition()
    database.collect(into: &exposition)
    let name = #"latchkey_postgres_exchanges_total{outcome="ok"} "#
    for line in String(decoding: exposition.text, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix(name) {
      return Int(line.dropFirst(name.count)) ?? 0
    }
    return 0
  }

  /// Runs another process's service on the same database, and calls it.
  func withSecondService(
    _ body: @EventLoop (LicensesClient, Licenses) async throws -> Void
  ) async throws {
    let clock = clock
    let second = Licenses(
      database: test.open(as: "latchkey_licenses"),
      masterKeys: masterKeys,
      signing: Self.nowhere,
      now: { clock.now }
    )
    let register: @EventLoop (RPCServer) -> Void = { second.register(on: $0) }
    try await ServedRPC.with("licenses", register: register) { rpc in
      try await body(LicensesClient(try rpc.channel(as: "gateway")), second)
    }
  }

  /// A channel that leads to no signing service.
  static var nowhere: Channel {
    Channel(host: "127.0.0.1", port: 1, tls: nil, serverName: "signing")
  }

  var client: LicensesClient { get throws { LicensesClient(try rpc.channel(as: "gateway")) } }

  /// What the gateway sends along for a request with an API key of the tenant.
  var options: CallOptions { options() }

  func options(_ tenant: Tenant? = nil, scopes: [String] = ["*"]) -> CallOptions {
    let tenant = tenant ?? self.tenant
    return CallOptions(
      caller: Caller(
        accountId: tenant.accountID.description,
        environment: tenant.environment == .live ? .live : .test,
        actorKind: .apiKey,
        scopes: scopes
      )
    )
  }

  /// Tenants that must not see anything of ``tenant``.
  var strangers: [Tenant] {
    [
      Tenant(accountID: tenant.accountID, environment: .live),
      Tenant(accountID: .v7(), environment: .test),
    ]
  }

  func product(
    _ code: String = "atelier",
    prefix: String? = nil,
    _ tenant: Tenant? = nil
  ) async throws -> Product {
    try await client.createProduct(
      CreateProductRequest(name: "Atelier", code: code, keyPrefix: prefix),
      options(tenant)
    )
  }

  func policy(
    of product: Product,
    _ change: (inout CreatePolicyRequest) -> Void = { _ in }
  ) async throws -> Policy {
    var request = CreatePolicyRequest(
      productId: product.id,
      name: "Standard",
      template: .desktopApp,
      requireFingerprint: false
    )
    change(&request)
    return try await client.createPolicy(request, options)
  }

  /// Issues a license on a product and a policy of its own.
  func license(
    policy change: (inout CreatePolicyRequest) -> Void = { _ in },
    _ changeLicense: (inout CreateLicenseRequest) -> Void = { _ in }
  ) async throws -> License {
    let product = try await product("p\(UInt64.random(in: 0 ... .max))")
    let policy = try await policy(of: product, change)
    var request = CreateLicenseRequest(productId: product.id, policyId: policy.id)
    changeLicense(&request)
    return try await client.createLicense(request, options)
  }

  /// Validates a key without any credential, and reads whom the answer is to be signed for.
  func validate(
    _ key: String,
    entitlements: [String] = []
  ) async throws -> (ValidateKeyResponse, account: String?) {
    let (response, trailers): (ValidateKeyResponse, Metadata) = try await rpc.channel(as: "gateway")
      .unaryWithTrailers(
        LicensesMethods.validateKey,
        ValidateKeyRequest(key: key, entitlements: entitlements),
        CallOptions()
      )
    return (response, trailers["latchkey-account"])
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
