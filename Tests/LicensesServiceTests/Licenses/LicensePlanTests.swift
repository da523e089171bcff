import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import TestKit
import Testing

@testable import LicensesService

/// A filter and the index that finds its licenses.
struct PlanRow: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var request: ListLicensesRequest
  var index: String
}

private let product = UUID(high: 1, low: 7)
private let policy = UUID(high: 2, low: 7)
private let now = Timestamp(milliseconds: 1_770_000_000_000)

/// The plans of lists and of the analytics, on 60,000 licenses of one tenant among others', under row-level security.
@Suite(.onLoop) struct LicensePlanTests {
  private static let tenant = Tenant(accountID: UUID(high: 9, low: 9), environment: .test)

  /// Fills the tables as their owner, with statistics as a database in use has them.
  @EventLoop
  private static func with(_ body: @EventLoop (Database) async throws -> Void) async throws {
    let schema = TestDatabase.Schema("licenses", Licenses.migrations)
    try await TestDatabase.with(schema) { test in
      let administrator = test.open { $0.statementLimit = .seconds(120) }
      for sql in fillings { try await administrator.query(Query(sql: sql)) }
      try await body(test.open(as: "latchkey_licenses"))
    }
  }

  private static let account = tenant.accountID.description
  private static func uuid(_ number: String, _ high: Int) -> String {
    "('00000000-0000-000\(high)-0000-' || lpad(to_hex(\(number)), 12, '0'))::uuid"
  }

  private static var fillings: [String] {
    let id =
      "(lpad(to_hex(1700000000000 + i), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid"
    let owner =
      "case when i % 3 = 0 then ('00000000-0000-0005-0000-' || lpad(to_hex(i % 50), 12, '0'))::uuid"
      + " else '\(Self.account)'::uuid end"
    return [
      """
      insert into licenses.products (
        account_id, environment, id, name, code, key_prefix, created_at, updated_at)
      select distinct on (1, 3) \(owner), 'test', \(uuid("i % 1000", 1)), 'p', 'c' || (i % 1000), 'LIC', now(), now()
      from generate_series(1, 90000) i
      """,
      """
      insert into licenses.policies (
        account_id, environment, id, product_id, name, floating, expiration_strategy, require_heartbeat,
        heartbeat_interval_minutes, heartbeat_cull_strategy, require_fingerprint,
        fingerprint_uniqueness, offline_allowed, offline_max_days, allow_machine_transfer, is_trial,
        overridable, created_at, updated_at)
      select distinct on (1, 3) \(owner), 'test', \(uuid("i % 1000", 2)), \(uuid("i % 1000", 1)), 'p', false,
        'RESTRICT_ACCESS', false, 60, 'KEEP_DEAD', true, 'PER_LICENSE', true, 14, false, false, true, now(), now()
      from generate_series(1, 90000) i
      """,
      """
      insert into licenses.licenses (
        account_id, environment, id, product_id, policy_id, status, expires_at, user_email,
        event_sequence, created_at, updated_at)
      select \(owner), 'test', \(id), \(uuid("i % 1000", 1)), \(uuid("i % 1000", 2)),
        case when i % 500 = 0 then 'suspended' when i % 500 = 1 then 'expired'
          when i % 500 = 2 then 'revoked' when i % 500 = 4 then 'banned' else 'active' end,
        case when i % 2 = 0 then to_timestamp(1770000000) + interval '1 day' * (i % 1000 - 2) end,
        'user' || (i % 5000) || '@example.com', 1, now(), now()
      from generate_series(1, 90000) i
      """,
      """
      insert into licenses.license_metadata (account_id, environment, name, value, license_id)
      select \(owner), 'test', 'seat', (i % 3000)::text, \(id) from generate_series(1, 90000) i
      """,
      """
      insert into licenses.machines (
        account_id, environment, id, license_id, policy_id, fingerprint, unique_within, last_seen_at,
        died_at, created_at, updated_at)
      select \(owner), 'test', \(id), \(id), \(uuid("i % 1000", 2)), 'fingerprint', \(id), now(),
        case when i % 1000 = 1 then now() end, now(), now() from generate_series(1, 90000) i
      """,
      "vacuum analyze licenses.products", "vacuum analyze licenses.policies",
      "vacuum analyze licenses.licenses", "vacuum analyze licenses.license_metadata",
      "vacuum analyze licenses.machines",
    ]
  }

  /// The plan of a statement as the service runs it.
  @EventLoop
  private static func plan(_ query: Query, _ database: Database) async throws(Fault) -> String {
    let rows = try await database.read(for: tenant, "explain (costs off) \(query)")
    var lines: [String] = []
    for row in rows { lines.append(try row.value(0)) }
    return lines.joined(separator: "\n")
  }

  private static let rows = [
    PlanRow(
      testDescription: "none",
      request: ListLicensesRequest(),
      index: "licenses_pkey"
    ),
    PlanRow(
      testDescription: "productId",
      request: ListLicensesRequest(productId: product.description),
      index: "licenses_product"
    ),
    PlanRow(
      testDescription: "policyId",
      request: ListLicensesRequest(policyId: policy.description),
      index: "licenses_policy"
    ),
    PlanRow(
      testDescription: "userEmail",
      request: ListLicensesRequest(userEmail: "USER7@example.com"),
      index: "licenses_user_email"
    ),
    PlanRow(
      testDescription: "metadata",
      request: ListLicensesRequest(metadataKey: "seat", metadataValue: "7"),
      index: "license_metadata_pkey"
    ),
    PlanRow(
      testDescription: "suspended",
      request: ListLicensesRequest(status: .suspended),
      index: "licenses_status"
    ),
    PlanRow(
      testDescription: "expired",
      request: ListLicensesRequest(status: .expired),
      index: "licenses_status"
    ),
    PlanRow(
      testDescription: "expired, not written yet",
      request: ListLicensesRequest(status: .expired),
      index: "licenses_due"
    ),
    PlanRow(
      testDescription: "created",
      request: ListLicensesRequest(
        createdAfter: 1_700_000_000_100,
        createdBefore: 1_700_000_000_200
      ),
      index: "licenses_pkey"
    ),
  ]

  @Test @EventLoop func `each filter and each count of the analytics uses an index`() async throws {
    try await Self.with { database in
      for row in Self.rows {
        let query = LicenseStore.listing(
          try LicenseFilter(row.request),
          below: UUID(high: .max, low: .max),
          rows: 26,
          at: now
        )
        let plan = try await Self.plan(query, database)
        #expect(plan.contains(row.index), "\(row.testDescription):\n\(plan)")
        #expect(!plan.contains("Seq Scan on licenses"), "\(row.testDescription):\n\(plan)")
        #expect(!plan.contains("Seq Scan on license_metadata"), "\(row.testDescription):\n\(plan)")
      }
      let counts: [(Query, String)] = [
        (AnalyticsStore.licensesByStatus, "Index Only Scan using licenses_status"),
        (AnalyticsStore.dueLicenses(at: now), "licenses_due"),
        (AnalyticsStore.machineCounts, "machines_dead"),
        (
          AnalyticsStore.activations(on: AnalyticsStore.days(until: now)),
          "Index Only Scan using machines_pkey"
        ),
      ]
      for (query, index) in counts {
        let plan = try await Self.plan(query, database)
        #expect(plan.contains(index), "\(plan)")
        #expect(!plan.contains("Seq Scan on licenses"), "\(plan)")
        #expect(!plan.contains("Seq Scan on machines"), "\(plan)")
      }
    }
  }
}
