import Cryptography
import EventLoop
import Faults
import Logging
import Messages
import Postgres
import Primitives
import TestKit

@testable import Sealing

/// A schema with one table of secrets and a table of data keys, as a service has them.
@EventLoop
final class SealingFixture {
  static let schema = SealingSchema("licenses")
  static let notes = SealedTable(
    "licenses.notes",
    columns: ["sealed_text", "sealed_remark"],
    batchRows: 7
  )
  private static let migrations = [
    Migration(
      name: "m0001_notes",
      sql: """
        create schema if not exists licenses;
        grant usage on schema licenses to latchkey_licenses, latchkey_lookup_licenses;
        create table licenses.data_keys (
          account_id uuid not null, version integer not null, wrapped_key bytea not null,
          created_at timestamptz not null, primary key (account_id, version));
        create table licenses.notes (
          account_id uuid not null, environment text not null, id uuid not null,
          sealed_text bytea not null, sealed_remark bytea, primary key (account_id, environment, id));
        alter table licenses.data_keys enable row level security;
        alter table licenses.data_keys force row level security;
        alter table licenses.notes enable row level security;
        alter table licenses.notes force row level security;
        create policy tenant on licenses.data_keys to latchkey_licenses
          using (account_id = nullif(current_setting('latchkey.account_id', true), '')::uuid);
        create policy tenant on licenses.notes to latchkey_licenses
          using (account_id = nullif(current_setting('latchkey.account_id', true), '')::uuid
            and environment = current_setting('latchkey.environment', true));
        grant select, insert on licenses.data_keys to latchkey_licenses;
        grant select, insert, update on licenses.notes to latchkey_licenses;
        """
    ),
    schema.migration(named: "m0002_sealing"),
    schema.floorMigration(named: "m0003_sealing_floor"),
  ]

  let test: TestDatabase
  /// Connected as the service's role.
  let database: Database
  /// Sees everything.
  let administrator: Database
  let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private(set) var masterKeys = MasterKeys.random()
  let sealer: Sealer
  let tenant = Tenant(accountID: .v7(), environment: .test)

  private init(_ test: TestDatabase) {
    self.test = test
    database = test.open(as: "latchkey_licenses")
    administrator = test.open()
    sealer = Sealer(masterKeys: masterKeys)
  }

  static func with(_ body: @EventLoop (SealingFixture) async throws -> Void) async throws {
    try await TestDatabase.with(TestDatabase.Schema("licenses", migrations)) { test in
      try await body(SealingFixture(test))
    }
  }

  /// The data keys as a process of the service sees them; another sealer is another process.
  func store(
    _ sealer: Sealer? = nil,
    limits: DataKeyStore.Limits = .standard
  ) -> DataKeyStore {
    DataKeyStore(
      database: database,
      schema: Self.schema,
      sealer: sealer ?? self.sealer,
      limits: limits
    )
  }

  /// Adds a version to the master keys, which the service takes.
  func addMasterKey() throws {
    masterKeys = try masterKeys.addingVersion()
    sealer.take(masterKeys)
  }

  /// Keeps a secret, and gives its id.
  @discardableResult
  func add(
    _ text: String,
    remark: String? = nil,
    _ tenant: Tenant? = nil,
    by store: DataKeyStore? = nil
  ) async throws -> UUID {
    let tenant = tenant ?? self.tenant
    let id = UUID.v7()
    let key = try await (store ?? self.store()).newest(of: tenant)
    let place = { Self.notes.place($0, row: id, account: tenant.accountID) }
    let sealedText = key.seal(Array(text.utf8), in: place("sealed_text"))
    let sealedRemark = remark.map { key.seal(Array($0.utf8), in: place("sealed_remark")) }
    try await database.query(
      for: tenant,
      """
      insert into licenses.notes (account_id, environment, id, sealed_text, sealed_remark)
      values (\(tenant.accountID), \(tenant.environment), \(id), \(sealedText), \(sealedRemark))
      """
    )
    return id
  }

  /// Opens all secrets of a tenant, by a process that has some master keys.
  func texts(_ tenant: Tenant? = nil, by sealer: Sealer? = nil) async throws -> [UUID: String] {
    let tenant = tenant ?? self.tenant
    let store = store(sealer)
    var texts: [UUID: String] = [:]
    for row in try await database.read(for: tenant, "select id, sealed_text from licenses.notes") {
      let (id, sealed) = try row.values(UUID.self, [UInt8].self)
      let place = Self.notes.place("sealed_text", row: id, account: tenant.accountID)
      texts[id] = String(
        decoding: try await store.open(sealed, in: place, of: tenant),
        as: UTF8.self
      )
    }
    return texts
  }

  /// Rotates; the numbers of rows that were reported.
  @discardableResult
  func rotate(
    _ report: @EventLoop (Int) async throws(Fault) -> Void = { _ throws(Fault) in }
  ) async throws -> Int {
    var sum = 0
    let rotation = Rotation(dataKeys: store(), tables: [Self.notes], log: log)
    try await rotation.run { (count) async throws(Fault) in
      sum += count
      try await report(count)
    }
    return sum
  }

  /// What is protected by which master key, as `place version count`.
  func uses() async throws -> [String] {
    let counts = SealingCounts(database: database, schema: Self.schema, tables: [Self.notes])
    return try await counts.uses().map { "\($0.place) \($0.version) \($0.count)" }
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
