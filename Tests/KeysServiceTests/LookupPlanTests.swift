import EventLoop
import Faults
import KeysService
import Postgres
import TestKit
import Testing

/// Look-ups keep their plan for as long as the session lasts, so the plan must be right for any size.
@Suite struct LookupPlanTests {
  /// A plan that reads whole tables costs nothing while they are empty; kept until they are full, it
  /// makes each request read every key.
  @Test(
    .onLoop,
    arguments: [
      "keys.authenticate(array[sha256('x')])",
      "keys.expiring_api_keys(now(), now(), 10)",
      "keys.find_user('x')",
      "keys.find_user_token(sha256('x'), 'session')",
      "keys.authenticate_sessions(array[sha256('x')])",
      "keys.sweep_logins(now(), 10)",
    ]
  )
  @EventLoop func `no look-up reads a whole table, not even an empty one`(lookup: String)
    async throws
  {
    let schema = TestDatabase.Schema("keys", Keys.migrations)
    try await TestDatabase.with(schema) { test in
      let scans = try await test.open().transaction(for: nil) { (tx) throws(Fault) in
        try await tx.query(Query(sql: "select from \(lookup)"))
        return try await tx.query(
          """
          select coalesce(sum(seq_scan), -1)::int8 from pg_stat_xact_user_tables
          where schemaname = 'keys'
          """
        ).single().value(0) as Int
      }
      #expect(scans == 0)
    }
  }
}
