import EventLoop
import Faults
import Postgres
import Primitives
import TestKit
import Testing

/// Tenants see their own rows and nothing of each other, whichever way they come in.
@Suite struct RowSecurityTests {
  private static let tables = TestDatabase.Schema(
    "notes",
    [
      Migration(
        name: "m0001",
        sql: """
          grant usage on schema notes to latchkey_keys;
          create table notes.notes (account_id uuid, environment text, note text);
          alter table notes.notes enable row level security;
          alter table notes.notes force row level security;
          create policy tenant on notes.notes to latchkey_keys
            using (account_id = nullif(current_setting('latchkey.account_id', true), '')::uuid
              and environment = current_setting('latchkey.environment', true));
          grant select, insert on notes.notes to latchkey_keys;
          """
      )
    ]
  )

  @Test @EventLoop func `a tenant reads and writes its own rows only`() async throws {
    try await TestDatabase.with(RowSecurityTests.tables) { test in
      let database = test.open(as: "latchkey_keys") {
        $0.sharedConnections = 1
        $0.leasedConnectionsMax = 1
      }
      let account = UUID.v7(at: .now())
      let other = UUID.v7(at: .now())
      let tenants = [
        Tenant(accountID: account, environment: .test),
        Tenant(accountID: account, environment: .live),
        Tenant(accountID: other, environment: .test),
      ]
      func insert(_ tenant: Tenant, note: String) -> Query {
        "insert into notes.notes values (\(tenant.accountID), \(tenant.environment), \(note))"
      }
      for (index, tenant) in tenants.enumerated() {
        try await database.query(for: tenant, insert(tenant, note: "\(index)"))
        try await database.transaction(for: tenant) { (tx) throws(Fault) in
          try await tx.query(insert(tenant, note: "\(index)"))
        }
      }
      for (index, tenant) in tenants.enumerated() {
        let one = try await database.read(for: tenant, "select note from notes.notes")
        #expect(try one.map { try $0.value(0) as String } == ["\(index)", "\(index)"])
        let two = try await database.transaction(for: tenant) { (tx) throws(Fault) in
          try await tx.query("select note from notes.notes")
        }
        #expect(try two.map { try $0.value(0) as String } == ["\(index)", "\(index)"])
        let fault = await #expect(throws: Fault.self) {
          try await database.query(for: tenant, insert(tenants[(index + 1) % 3], note: "foreign"))
        }
        #expect(fault?.serverError?.state == .insufficientPrivilege)
      }
      // Without a tenant nothing is seen, also on connections that served one before.
      #expect(try await database.read("select note from notes.notes").isEmpty)
      let rows = try await database.transaction(for: nil) { (tx) throws(Fault) in
        try await tx.query("select note from notes.notes")
      }
      #expect(rows.isEmpty)
    }
  }

  @Test @EventLoop func `tenants in one pipeline do not see each other`() async throws {
    try await TestDatabase.with(RowSecurityTests.tables) { test in
      let database = test.open(as: "latchkey_keys") { $0.sharedConnections = 1 }
      let tenants = (0..<20).map { _ in Tenant(accountID: .v7(at: .now()), environment: .test) }
      for tenant in tenants {
        try await database.query(
          for: tenant,
          "insert into notes.notes values (\(tenant.accountID), 'test', \(tenant.accountID.description))"
        )
      }
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<10 {
          for tenant in tenants {
            group.addTask { @EventLoop @Sendable in
              let own = try? await database.read(for: tenant, "select note from notes.notes")
              let note: String? = try? own?.single().value(0)
              #expect(note == tenant.accountID.description)
            }
            group.addTask { @EventLoop @Sendable in
              let none = try? await database.read("select note from notes.notes")
              #expect(none?.count == 0)
            }
          }
        }
      }
    }
  }
}
