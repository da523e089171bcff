import Changes
import Cryptography
import EventLoop
import Faults
import HTTP
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit

/// Two services that make changes in one database, as two replicas do.
@EventLoop
final class ChangesFixture {
  let test: TestDatabase
  let clock: TestClock
  let services: [ChangingService]
  private let rpcs: [ServedRPC]
  /// The superuser, who sees everything.
  let administrator: Database
  let tenant = Tenant(accountID: .v7(), environment: .test)

  private init(
    _ test: TestDatabase,
    _ clock: TestClock,
    _ services: [ChangingService],
    _ rpcs: [ServedRPC]
  ) {
    self.test = test
    self.clock = clock
    self.services = services
    self.rpcs = rpcs
    administrator = test.open()
  }

  static func with(_ body: @EventLoop (ChangesFixture) async throws -> Void) async throws {
    let schema = TestDatabase.Schema(Changes.schemaName, Changes.migrations)
    try await TestDatabase.with(schema) { test in
      let clock = TestClock()
      let dataKeys = TestDataKeys()
      let services = (0..<2).map { _ in
        let database = test.open(as: "latchkey_licenses")
        return ChangingService(
          Changes(database: database, dataKeys: dataKeys, now: { clock.now })
        )
      }
      let (first, second) = (services[0], services[1])
      try await ServedRPC.with("licenses", register: { first.register(on: $0) }) { one in
        try await ServedRPC.with("licenses", register: { second.register(on: $0) }) { two in
          try await body(ChangesFixture(test, clock, services, [one, two]))
        }
      }
    }
  }

  /// Who asks, and, with a key, which request it is.
  func options(
    _ tenant: Tenant? = nil,
    key: String? = nil,
    asking: String = "this"
  ) -> CallOptions {
    let tenant = tenant ?? self.tenant
    return CallOptions(
      caller: Caller(
        accountId: tenant.accountID.description,
        environment: tenant.environment == .live ? .live : .test,
        actorKind: .apiKey,
        actorId: "key-1",
        scopes: ["*"],
        clientAddress: "203.0.113.9",
        idempotencyKey: key.map { SHA256.hash(Array($0.utf8)) },
        requestHash: key.map { _ in SHA256.hash(Array(asking.utf8)) }
      ),
      requestID: "01JQ7Z5W3X8V2K4M6N9P0R1S2T"
    )
  }

  /// Asks one of the services for its change, and reads the HTTP status that it asks for.
  func askForStatus(
    _ service: Int = 0,
    _ options: CallOptions
  ) async throws(Fault) -> (License, status: String?) {
    let request = CreateLicenseRequest(
      productId: tenant.accountID.description,
      policyId: tenant.accountID.description
    )
    let (license, trailers): (License, Metadata) = try await rpcs[service].channel(as: "gateway")
      .unaryWithTrailers(LicensesMethods.createLicense, request, options)
    return (license, trailers["latchkey-status"])
  }

  func ask(_ service: Int = 0, _ options: CallOptions) async throws(Fault) -> License {
    try await askForStatus(service, options).0
  }

  /// Waits until a statement of the services waits for a lock of another.
  func untilSomebodyWaits() async throws(Fault) {
    let query: Query = """
      select count(*) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'
      """
    while try await administrator.read(query).single().value(0) == 0 as Int {}
  }

  /// How many rows a table has, for all tenants.
  func count(_ table: String) async throws(Fault) -> Int {
    try await administrator.read(Query(sql: "select count(*) from \(table)")).single().value(0)
  }

  /// The lines of the audit log, oldest first.
  func audited() async throws -> [AuditEvent] {
    let rows = try await administrator.read("select entry from changes.audit_entries order by id")
    return try rows.map { row in
      let bytes: [UInt8] = try row.value(0)
      return try bytes.withUnsafeBytes { try AuditEvent(decoding: $0) }
    }
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
