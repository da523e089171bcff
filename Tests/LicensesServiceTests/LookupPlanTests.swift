import EventLoop
import Faults
import LicensesService
import Postgres
import TestKit
import Testing

/// Look-ups keep their plan for as long as the session lasts, so the plan must be right for any size.
@Suite struct LookupPlanTests {
  /// A plan that reads whole tables costs nothing while they are empty; kept until they are full, it
  /// makes each validation read every license.
  @Test(
    .onLoop,
    arguments: [
      "licenses.find_for_validation(array[sha256('x')], array['fingerprint'])",
      "licenses.prefix_owners(array['ABC'])", "licenses.dead_machines(now(), 10)",
      "licenses.pending_file_notices(10)",
      "licenses.due_licenses(now(), 10)",
    ]
  )
  @EventLoop func `no look-up reads a whole table, not even an empty one`(lookup: String)
    async throws
  {
    let schema = TestDatabase.Schema("licenses", Licenses.migrations)
    try await TestDatabase.with(schema) { test in
      let scans = try await test.open().transaction(for: nil) { (tx) throws(Fault) in
        try await tx.query(Query(sql: "select from \(lookup)"))
        return try await tx.query(
          """
          select coalesce(sum(seq_scan), -1)::int8 from pg_stat_xact_user_tables
          where schemaname = 'licenses'
          """
        ).single().value(0) as Int
      }
      #expect(scans == 0)
    }
  }

  private static let rowCount = 20_000

  /// Licenses that never expire, and machines that are alive.
  private static let fillings = [
    "set session_replication_role = replica",
    """
    insert into licenses.policies (
      account_id, environment, id, product_id, name, floating, expiration_strategy, require_heartbeat,
      heartbeat_interval_minutes, heartbeat_cull_strategy, require_fingerprint,
      fingerprint_uniqueness, offline_allowed, offline_max_days, allow_machine_transfer, is_trial,
      overridable, created_at, updated_at)
    values (gen_random_uuid(), 'test', gen_random_uuid(), gen_random_uuid(), 'p', true,
      'RESTRICT_ACCESS', true, 60, 'KEEP_DEAD', true, 'PER_LICENSE', true, 14, false, false, true,
      now(), now())
    """,
    """
    insert into licenses.licenses (
      account_id, environment, id, product_id, policy_id, status, metadata, event_sequence,
      created_at, updated_at)
    select p.account_id, p.environment, gen_random_uuid(), p.product_id, p.id, 'active',
      jsonb_build_object('note', repeat('x', 200)), 1, now(), now()
    from licenses.policies p, generate_series(1, \(rowCount))
    """,
    """
    insert into licenses.machines (
      account_id, environment, id, license_id, policy_id, fingerprint, unique_within, last_seen_at,
      created_at, updated_at)
    select l.account_id, l.environment, l.id, l.id, l.policy_id, 'fingerprint', l.id, now(), now(), now()
    from licenses.licenses l
    """,
    "analyze licenses.policies", "analyze licenses.licenses", "analyze licenses.machines",
  ]

  /// Sweepers ask every second: what they do not look for must cost them nothing, even where there is nothing else.
  @Test(
    .onLoop,
    arguments: ["licenses.dead_machines(now(), 10)", "licenses.due_licenses(now(), 10)"]
  )
  @EventLoop func `no sweeper reads what is not due`(lookup: String) async throws {
    let schema = TestDatabase.Schema("licenses", Licenses.migrations)
    try await TestDatabase.with(schema) { test in
      let rows = try await test.open().transaction(for: nil) { (tx) throws(Fault) in
        for sql in Self.fillings { try await tx.query(Query(sql: sql)) }
        let before = try await Self.rowsRead(tx)
        try await tx.query(Query(sql: "select from \(lookup)"))
        return try await Self.rowsRead(tx) - before
      }
      #expect(rows < 10)
    }
  }

  /// How many rows of the schema a transaction has read.
  @EventLoop private static func rowsRead(_ tx: Transaction) async throws(Fault) -> Int {
    try await tx.query(
      """
      select coalesce(sum(seq_tup_read + idx_tup_fetch), -1)::int8 from pg_stat_xact_user_tables
      where schemaname = 'licenses'
      """
    ).single().value(0)
  }
}
