import Changes
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Protobuf
import Stubs
import TestKit
import Testing
import WebhooksService

/// Row-level security, shown on the tables themselves: a mistake in a query must not become a leak.
@Suite(.onLoop) struct TenancyTests {
  @Test @EventLoop func `nobody sees or changes another tenant's rows`() async throws {
    try await WebhooksFixture.with { fixture in
      _ = try await fixture.webhook(EndpointTests.url)
      _ = try await fixture.webhook(EndpointTests.url) { $0.status = .disabled }
      fixture.service.start()
      try await fixture.commit([.licenseCreated])
      try await fixture.eventually {
        try await fixture.count("select count(*) from webhooks.pending_deliveries") == 1
      }
      await fixture.service.stop()
      try await fixture.commit([.licenseUpdated])
      let proof = try await TenancyProof(
        fixture.test,
        role: "latchkey_webhooks",
        schemas: ["webhooks", "events"],
        owner: fixture.tenant,
        strangers: fixture.strangers
      )
      #expect(proof.failures == [])
      #expect(
        proof.tables.map(\.name) == [
          "events.outbox", "events.subscriptions", "webhooks.data_keys", "webhooks.endpoints",
          "webhooks.events", "webhooks.feeds", "webhooks.finished_deliveries",
          "webhooks.pending_deliveries",
        ]
      )
      #expect(
        proof.tables.filter { !$0.hasEnvironment }.map(\.name) == ["webhooks.data_keys"]
      )
    }
  }

  @Test @EventLoop func `partitions can be reached through their tables alone`() async throws {
    try await WebhooksFixture.with { fixture in
      try await fixture.service.keepHouse()
      let rows = try await fixture.test.open().read(
        """
        select c.relname::text, c.relrowsecurity and c.relforcerowsecurity,
          has_table_privilege('latchkey_webhooks', c.oid, 'select, insert, update, delete')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'webhooks' and c.relispartition and c.relkind = 'r'
        """
      )
      #expect(rows.count > 10)
      for row in rows {
        let (name, isForced, isGranted) = try row.values(String.self, Bool.self, Bool.self)
        #expect(isForced, "\(name)")
        #expect(!isGranted, "\(name)")
      }
    }
  }

  /// The named list of what looks across accounts by design.
  @Test @EventLoop func `these functions cross accounts, as a role that cannot log in`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      let rows = try await fixture.test.open().read(
        """
        select p.proname::text, r.rolcanlogin, has_function_privilege('public', p.oid, 'execute')
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        join pg_roles r on r.oid = p.proowner
        where n.nspname in ('webhooks', 'events') and p.prosecdef order by 1
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
          "admit_data_key", "all_subscriptions", "claim_deliveries", "claim_deliveries",
          "drop_partitions", "forget_deliveries", "keep_partitions", "least_master_version",
          "make_partitions", "master_key_uses",
          "overdue_deliveries", "queue_depths", "raise_sealing_floor", "release_claims",
          "sealing_accounts", "take_back", "waiting_tenants",
        ]
      )
    }
  }
}
