import Cryptography
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import ServiceKit
import TestKit
import Testing

@testable import LicensesService

/// Lists read no more rows than they show, however many there are: by an index for each filter, under row-level
/// security.
@Suite(.onLoop) struct MachinePlanTests {
  @Test @EventLoop func `a page of machines reads a page of rows`() async throws {
    try await LicensesFixture.with { fixture in
      let crowded = try await fixture.license()
      let other = try await fixture.license()
      let administrator = fixture.test.open()
      for (license, count) in [(crowded, 20_000), (other, 60)] {
        try await administrator.query(
          """
          insert into licenses.machines (
            account_id, environment, id, license_id, policy_id, fingerprint, unique_within,
            last_seen_at, created_at, updated_at)
          select l.account_id, l.environment, gen_random_uuid(), l.id, l.policy_id, 'machine-' || n, l.id,
            now(), now(), now()
          from licenses.licenses l, generate_series(1, \(count)) n where l.id = \(UUID(license.id))
          """
        )
      }
      try await administrator.query("analyze licenses.machines")
      let filters: [(MachineStore.Filter, Int)] = [
        (.init(), 26), (.init(license: UUID(other.id)), 26),
        (.init(license: UUID(crowded.id)), 26), (.init(fingerprint: "machine-7"), 2),
        (.init(license: UUID(crowded.id), fingerprint: "machine-7"), 1),
      ]
      let page = try Page(cursor: nil, limit: nil)
      let service = fixture.test.open(as: "latchkey_licenses")
      for (filter, count) in filters {
        try await service.transaction(for: fixture.tenant) { (tx) throws(Fault) in
          let before = try await Self.reads(tx)
          let rows = try await tx.query(MachineStore.listing(filter, page))
          let after = try await Self.reads(tx)
          #expect(rows.count == count)
          #expect(after.scans == before.scans)
          #expect(after.rows - before.rows <= count + 1, "\(filter)")
        }
      }
    }
  }
  /// Look-ups across accounts keep their plan for as long as the session lasts, so the one that was made while there was
  /// nothing must be right for a license of many machines in an account of many entitlements.
  @Test @EventLoop func `a plan made for empty tables reads one row of full ones`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.floating = true })
      let hash = LicenseKey.lookupHashes(of: license.key ?? "")
      let hashes = hash + hash
      let id = UUID(license.id)
      let other = UUID(try await fixture.license().id)
      try await fixture.test.open().transaction(for: nil) { (tx) throws(Fault) in
        func look() async throws(Fault) -> (found: Rows, dead: Rows) {
          (
            // No machine of the license has the second fingerprint, and many of the other one follow it.
            try await tx.query(
              """
              select machine_id, entitlements
              from licenses.find_for_validation(\(hashes), array['machine-1000', 'chair'])
              order by question
              """
            ), try await tx.query("select from licenses.dead_machines(now(), 100)")
          )
        }
        #expect(try await look().found.count == 2)
        try await tx.query(
          """
          insert into licenses.machines (
            account_id, environment, id, license_id, policy_id, fingerprint, unique_within,
            last_seen_at, created_at, updated_at)
          select l.account_id, l.environment, gen_random_uuid(), l.id, l.policy_id, 'machine-' || n, l.id,
            case when n = 7 then now() - interval '1 year' else now() end, now(), now()
          from licenses.licenses l, generate_series(1, 2000) n where l.id = \(id)
          """
        )
        try await tx.query(
          """
          insert into licenses.machines (
            account_id, environment, id, license_id, policy_id, fingerprint, unique_within,
            last_seen_at, created_at, updated_at)
          select l.account_id, l.environment, gen_random_uuid(), l.id, l.policy_id, 'desktop-' || n, l.id,
            now(), now(), now()
          from licenses.licenses l, generate_series(1, 2000) n where l.id = \(other)
          """
        )
        try await tx.query(
          """
          with made as (
            insert into licenses.entitlements (
              account_id, environment, id, code, name, created_at, updated_at)
            select l.account_id, l.environment, gen_random_uuid(), 'code-' || n, 'n', now(), now()
            from licenses.licenses l, generate_series(1, 2000) n where l.id = \(id)
            returning id, code)
          update licenses.licenses l set entitlement_ids = array[made.id]
          from made where made.code = 'code-7' and l.id = \(id)
          """
        )
        let machines = try await Self.reads(tx)
        let entitlements = try await Self.reads(tx, of: "entitlements")
        let (found, dead) = try await look()
        #expect(found.count == 2)
        let row = found[0]
        #expect(try row.value(0) as UUID? != nil)
        #expect(try found[1].value(0) as UUID? == nil)
        #expect(try row.value(1) as [String] == ["code-7"])
        #expect(dead.count == 1)
        let machinesAfter = try await Self.reads(tx)
        let entitlementsAfter = try await Self.reads(tx, of: "entitlements")
        #expect(machinesAfter.scans == machines.scans)
        // One for each fingerprint, and the dead one.
        #expect(machinesAfter.rows - machines.rows == 3)
        #expect(entitlementsAfter.scans == entitlements.scans)
        #expect(entitlementsAfter.rows - entitlements.rows == 2)
      }
    }
  }

  /// How often the whole table was read in this session so far, and how many rows were fetched by an index.
  @EventLoop private static func reads(
    _ tx: Transaction,
    of table: String = "machines"
  ) async throws(Fault) -> (scans: Int, rows: Int) {
    try await tx.query(
      """
      select seq_scan, idx_tup_fetch from pg_stat_xact_user_tables
      where schemaname = 'licenses' and relname = \(table)
      """
    ).single().values(Int.self, Int.self)
  }
}
