import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import TestKit
import Testing

/// Row-level security, shown on the tables themselves: a mistake in a query must not become a leak.
@Suite(.onLoop) struct TenancyTests {
  @Test @EventLoop func `nobody sees or changes another tenant's rows`() async throws {
    try await LicensesFixture.with { fixture in
      try await fixture.fillEveryTable()
      let proof = try await TenancyProof(
        fixture.test,
        role: "latchkey_licenses",
        schemas: ["licenses", "events", "changes"],
        owner: fixture.tenant,
        strangers: fixture.strangers,
        unseen: ["events.outbox", "events.subscriptions"]
      )
      #expect(proof.failures == [])
      #expect(
        proof.tables.map(\.name) == [
          "changes.audit_entries", "changes.audit_seals", "changes.audit_unsealed",
          "changes.idempotent_answers", "events.outbox", "events.subscriptions",
          "licenses.customers", "licenses.data_keys", "licenses.entitlements",
          "licenses.file_notices", "licenses.license_fingerprints",
          "licenses.license_key_hashes", "licenses.license_metadata", "licenses.licenses",
          "licenses.machines", "licenses.policies", "licenses.product_counts", "licenses.products",
          "licenses.released_files", "licenses.validation_counts",
        ]
      )
      #expect(
        proof.tables.filter { !$0.hasEnvironment }.map(\.name) == ["licenses.data_keys"]
      )
    }
  }

  /// The named list of what looks across accounts by design.
  @Test @EventLoop func `these functions cross accounts, as roles that cannot log in`() async throws
  {
    try await LicensesFixture.with { fixture in
      let rows = try await fixture.test.open().read(
        """
        select p.proname::text, r.rolcanlogin, has_function_privilege('public', p.oid, 'execute')
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        join pg_roles r on r.oid = p.proowner
        where n.nspname in ('licenses', 'events', 'changes') and p.prosecdef order by 1
        """
      )
      var names: [String] = []
      for row in rows {
        let (name, canLogIn, isPublic) = try row.values(String.self, Bool.self, Bool.self)
        names.append(name)
        #expect(!canLogIn)
        #expect(!isPublic)
      }
      #expect(
        names == [
          "admit_data_key", "all_subscriptions", "dead_machines", "due_licenses",
          "find_for_validation", "forget_idempotent_answers", "least_master_version",
          "master_key_uses",
          "pending_file_notices", "prefix_owners", "raise_sealing_floor", "seal_audit_entries",
          "sealing_accounts", "waiting_tenants",
        ]
      )
    }
  }

  @Test @EventLoop func `producers may only insert events`() async throws {
    try await LicensesFixture.with { fixture in
      let rows = try await fixture.test.open().read(
        """
        select grantee || ' ' || privilege_type from information_schema.role_table_grants
        where table_schema = 'events' and grantee in ('latchkey_keys', 'latchkey_licenses') order by 1
        """
      )
      let grants = try rows.map { try $0.value(0) as String }
      #expect(grants == ["latchkey_keys INSERT", "latchkey_licenses INSERT"])
    }
  }
}
