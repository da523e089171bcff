import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import TestKit
import Testing

@testable import LicensesService

/// Lists and their filters read what they show and no more, however much there is.
///
/// Shown on the stores' own statements, as the service's role: under row-level security the planner must not use an
/// index by any operator that might leak.
@Suite(.onLoop) struct ListPlanTests {
  /// A statement, and the index it must be read by.
  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var query: Query
    var index: String
  }

  private static let above = UUID(high: .max, low: .max)
  private static let id = UUID(high: 1, low: 2)

  private static let rows = [
    Row(
      testDescription: "policies",
      query: PolicyStore.listing(product: nil, below: above, rows: 26),
      index: "policies_pkey"
    ),
    Row(
      testDescription: "policies of a product",
      query: PolicyStore.listing(product: id, below: above, rows: 26),
      index: "policies_product"
    ),
    Row(
      testDescription: "customers",
      query: CustomerStore.listing(email: nil, below: above, rows: 26),
      index: "customers_pkey"
    ),
    Row(
      testDescription: "customers of an address",
      query: CustomerStore.listing(email: "C77@studio.example", below: above, rows: 26),
      index: "customers_email"
    ),
    Row(
      testDescription: "licenses of a customer",
      query: CustomerStore.listing(email: "C77@studio.example", below: above, rows: 26),
      index: "licenses_user_email"
    ),
    Row(
      testDescription: "changes",
      query: AuditStore.listing(AuditFilter(), below: above, rows: 26),
      index: "audit_entries_pkey"
    ),
    Row(
      testDescription: "changes of a resource",
      query: AuditStore.listing(AuditFilter(resource: id), below: above, rows: 26),
      index: "audit_entries_resource"
    ),
    Row(
      testDescription: "changes of a kind",
      query: AuditStore.listing(AuditFilter(action: "license.suspend"), below: above, rows: 26),
      index: "audit_entries_action"
    ),
    Row(
      testDescription: "changes of an actor",
      query: AuditStore.listing(AuditFilter(actor: "key-7"), below: above, rows: 26),
      index: "audit_entries_actor"
    ),
    Row(
      testDescription: "changes of an actor to a resource",
      query: AuditStore.listing(
        AuditFilter(resource: id, actor: "key-7"),
        below: above,
        rows: 26
      ),
      index: "audit_entries_resource"
    ),
  ]

  @Test @EventLoop func `every list is read by an index, in its order`() async throws {
    try await LicensesFixture.with { fixture in
      try await Self.fill(fixture)
      let service = fixture.test.open(as: "latchkey_licenses")
      for row in Self.rows {
        let lines = try await service.read(for: fixture.tenant, "explain \(row.query)")
        let plan = try lines.map { try $0.value(0) as String }.joined(separator: "\n")
        #expect(plan.contains(row.index), "\(row.testDescription):\n\(plan)")
        #expect(!plan.contains("Seq Scan on licenses"), "\(row.testDescription):\n\(plan)")
        #expect(!plan.contains("Seq Scan on audit"), "\(row.testDescription):\n\(plan)")
        #expect(!plan.contains("Seq Scan on polic"), "\(row.testDescription):\n\(plan)")
        #expect(!plan.contains("Seq Scan on custom"), "\(row.testDescription):\n\(plan)")
      }
    }
  }

  /// Gives the tenant thousands of everything that is listed.
  @EventLoop
  private static func fill(_ fixture: LicensesFixture) async throws {
    let license = UUID(try await fixture.license().id)
    let administrator = fixture.test.open()
    let (account, environment) = (fixture.tenant.accountID, fixture.tenant.environment)
    for sql: Query in [
      """
      insert into licenses.products (
        account_id, environment, id, name, code, key_prefix, created_at, updated_at)
      select \(account), \(environment), gen_random_uuid(), 'n', 'c' || n, 'LIC', now(), now()
      from generate_series(1, 100) n
      """,
      """
      insert into licenses.policies (
        account_id, environment, id, product_id, name, floating, expiration_strategy,
        require_heartbeat, heartbeat_interval_minutes, heartbeat_cull_strategy,
        require_fingerprint, fingerprint_uniqueness, offline_allowed, offline_max_days,
        allow_machine_transfer, is_trial, overridable, created_at, updated_at)
      select d.account_id, d.environment, gen_random_uuid(), d.id, 'n', false, 'REVOKE',
        false, 60, 'KEEP_DEAD', true, 'PER_LICENSE', true, 14, false, false, true, now(), now()
      from licenses.products d, generate_series(1, 50) n
      """,
      """
      insert into licenses.customers (
        account_id, environment, id, email, created_at, updated_at)
      select \(account), \(environment), gen_random_uuid(), 'C' || n || '@studio.example', now(), now()
      from generate_series(1, 5000) n
      """,
      """
      insert into licenses.licenses (
        account_id, environment, id, product_id, policy_id, status, user_email,
        sealed_file_secret, event_sequence, created_at, updated_at)
      select account_id, environment, gen_random_uuid(), product_id, policy_id, status,
        'c' || n || '@studio.example', 'x', 1, created_at, updated_at
      from licenses.licenses, generate_series(1, 5000) n where id = \(license)
      """,
      """
      insert into changes.audit_entries (
        account_id, environment, id, action, resource_id, actor_id, entry)
      select \(account), \(environment), gen_random_uuid(), 'a.' || n % 40, gen_random_uuid(),
        'key-' || n % 40, 'x'
      from generate_series(1, 20000) n
      """, "analyze",
    ] { try await administrator.query(sql) }
  }
}
