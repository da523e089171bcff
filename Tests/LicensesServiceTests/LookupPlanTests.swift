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
}
