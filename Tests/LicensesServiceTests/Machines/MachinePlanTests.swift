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
  /// How often the whole table was read in this session so far, and how many rows were fetched by an index.
  @EventLoop private static func reads(_ tx: Transaction) async throws(Fault) -> (
    scans: Int, rows: Int
  ) {
    try await tx.query(
      """
      select seq_scan, idx_tup_fetch from pg_stat_xact_user_tables
      where relid = 'licenses.machines'::regclass
      """
    ).single().values(Int.self, Int.self)
  }
}
