import Changes
import EventLoop
import Faults
import KeysService
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
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      _ = try await fixture.key(account, .live)
      var options = fixture.options(account, .live)
      options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
      options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
      _ = try await fixture.gateway.createApiKey(CreateApiKeyRequest(name: "n"), options)
      // The keys service does not seal, but the seals must be as closed to it.
      let sealer = ChangeKeeper(database: fixture.test.open(as: "latchkey_licenses"))
      try await sealer.seal()
      let soon = fixture.clock.now.milliseconds + 1_000
      _ = try await fixture.key(account, .live, expiresAt: soon)
      #expect(try await fixture.keys.warnOfExpiry() == 1)
      // A user with everything: a session, a half-done login, a second factor, links.
      let owner = try await fixture.join(account)
      _ = try await fixture.enableSecondFactor(owner)
      _ = try await fixture.login(owner.email)
      let member = try await fixture.join(account, .support)
      _ = try await fixture.gatewayUsers.createPasswordReset(
        CreatePasswordResetRequest(id: member.id.description),
        fixture.options(owner)
      )
      _ = try await fixture.invitation(account, .support)
      // The webhooks service writes who is sent what.
      try await fixture.test.open().query(
        """
        insert into events.subscriptions (account_id, environment, type)
        values (\(account), 'live', 'validation.failed')
        """
      )
      let proof = try await TenancyProof(
        fixture.test,
        role: "latchkey_keys",
        schemas: ["keys", "events", "changes"],
        owner: Tenant(accountID: account, environment: .live),
        strangers: [
          Tenant(accountID: account, environment: .test),
          Tenant(accountID: UUID.v7(), environment: .live),
        ],
        unseen: ["events.outbox", "events.subscriptions"]
      )
      #expect(proof.failures == [])
      #expect(
        proof.tables.map(\.name) == [
          "changes.audit_entries", "changes.audit_seals", "changes.audit_unsealed",
          "changes.idempotent_answers", "events.outbox", "events.subscriptions", "keys.accounts",
          "keys.api_key_hashes", "keys.api_keys", "keys.data_keys", "keys.invitations",
          "keys.login_challenges", "keys.password_resets", "keys.recovery_codes",
          "keys.response_signing_keys", "keys.second_factors", "keys.sessions",
          "keys.user_emails", "keys.user_tokens", "keys.users",
        ]
      )
    }
  }

  /// The named list of what looks across accounts by design.
  @Test @EventLoop func `these functions cross accounts, as a role that cannot log in`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let rows = try await fixture.test.open().read(
        """
        select p.proname::text, r.rolcanlogin, has_function_privilege('public', p.oid, 'execute')
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        join pg_roles r on r.oid = p.proowner
        where n.nspname = 'keys' and p.prosecdef order by 1
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
          "admit_data_key", "authenticate", "authenticate_sessions", "expiring_api_keys",
          "find_user", "find_user_token", "least_master_version", "master_key_uses",
          "raise_sealing_floor",
          "response_signing_key", "sealing_accounts", "sweep_logins",
        ]
      )
    }
  }

  @Test @EventLoop func `no role can bypass row-level security`() async throws {
    try await KeysFixture.with { fixture in
      let rows = try await fixture.test.open().read(
        """
        select rolname::text from pg_roles
        where rolname like 'latchkey\\_%' and rolname <> 'latchkey_test'
          and (rolbypassrls or rolsuper or rolcreaterole)
        """
      )
      #expect(rows.isEmpty)
    }
  }
}
