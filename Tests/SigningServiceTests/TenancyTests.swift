import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

/// Row-level security, shown on the tables themselves: a mistake in a query must not become a leak.
@Suite(.onLoop) struct TenancyTests {
  @Test @EventLoop func `nobody sees or changes another tenant's rows`() async throws {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      try await fixture.sign(license: license)
      try await fixture.note(license, isBarred: true)
      _ = try await fixture.root()
      let proof = try await TenancyProof(
        fixture.test,
        role: "latchkey_signing",
        schemas: ["signing"],
        owner: fixture.tenant,
        strangers: [
          Tenant(accountID: fixture.tenant.accountID, environment: .live),
          Tenant(accountID: .v7(), environment: .test),
        ]
      )
      #expect(proof.failures == [])
      #expect(
        proof.tables.map(\.name) == [
          "signing.data_keys", "signing.keys", "signing.keysets", "signing.license_files",
          "signing.license_standings", "signing.statements",
        ]
      )
    }
  }

  /// The named list of what looks across accounts by design: what rotates the keys that all is sealed by.
  @Test @EventLoop func `these functions cross accounts, as a role that cannot log in`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let rows = try await fixture.test.open().read(
        """
        select p.proname::text, r.rolcanlogin, has_function_privilege('public', p.oid, 'execute')
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        join pg_roles r on r.oid = p.proowner
        where n.nspname = 'signing' and p.prosecdef order by 1
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
          "admit_data_key", "least_master_version", "master_key_uses", "raise_sealing_floor",
          "sealing_accounts",
        ]
      )
    }
  }

  /// One tenant's word must not touch the files of another that happens to name the same license.
  @Test @EventLoop func `what is asked for one tenant concerns no other`() async throws {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      try await fixture.sign(license: license)
      let stranger = Tenant(accountID: .v7(), environment: .test)
      #expect(try await fixture.files(license, of: stranger).isEmpty)
      #expect(try await fixture.revoke(license, of: stranger).revokedCount == 0)
      #expect(try await fixture.files(license).map(\.revokedAt) == [nil])
    }
  }
}
