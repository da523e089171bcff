import Changes
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import TestKit
import Testing

/// The chain that the log is sealed with.
@Suite(.onLoop) struct AuditSealTests {
  /// A seal as the database has it.
  struct Seal: Equatable {
    var position: Int64
    var id: UUID
    var hash: [UInt8]
  }

  /// The seals of an account, and what the chain says they must be.
  @EventLoop
  static func seals(
    _ fixture: ChangesFixture,
    of account: UUID? = nil
  ) async throws -> (found: [Seal], expected: [Seal]) {
    let rows = try await fixture.administrator.read(
      """
      select s.position, s.entry_id, s.hash, s.environment, e.entry
      from changes.audit_seals s join changes.audit_entries e on e.account_id = s.account_id
        and e.environment = s.environment and e.id = s.entry_id
      where s.account_id = \(account ?? fixture.tenant.accountID) order by s.position
      """
    )
    var found: [Seal] = []
    var expected: [Seal] = []
    var chain = AuditChain()
    for row in rows {
      let id: UUID = try row.value(1)
      found.append(Seal(position: try row.value(0), id: id, hash: try row.value(2)))
      let hash = chain.append(try row.value(3), id, try row.value(4))
      expected.append(Seal(position: chain.position, id: id, hash: hash))
    }
    return (found, expected)
  }

  /// Fills the log with entries that nobody has sealed.
  @EventLoop
  static func fill(_ fixture: ChangesFixture, _ count: Int32) async throws {
    try await fixture.administrator.query(
      """
      with entry as (
        insert into changes.audit_entries (account_id, environment, id, action, entry)
        select \(fixture.tenant.accountID), case n % 2 when 0 then 'test' else 'live' end,
          gen_random_uuid(), 'license.suspend', sha256(n::text::bytea)
        from generate_series(1, \(count)) n
        returning account_id, environment, id
      )
      insert into changes.audit_unsealed (account_id, environment, entry_id)
      select account_id, environment, id from entry
      """
    )
  }

  @Test @EventLoop func `the database seals as the chain computes, across both environments`()
    async throws
  {
    try await ChangesFixture.with { fixture in
      let live = Tenant(accountID: fixture.tenant.accountID, environment: .live)
      let other = Tenant(accountID: .v7(), environment: .test)
      let keeper = ChangeKeeper(database: fixture.test.open(as: "latchkey_licenses"))
      for tenant in [fixture.tenant, live, other, fixture.tenant, live] {
        _ = try await fixture.ask(0, fixture.options(tenant))
        try await keeper.seal()
      }
      let (found, expected) = try await Self.seals(fixture)
      #expect(found == expected)
      #expect(found.map(\.position) == [1, 2, 3, 4])
      let others = try await Self.seals(fixture, of: other.accountID)
      #expect(others.found == others.expected)
      #expect(others.found.map(\.position) == [1])
      #expect(try await fixture.count("changes.audit_unsealed") == 0)
    }
  }

  @Test @EventLoop func `more than one statement seals are sealed too`() async throws {
    try await ChangesFixture.with { fixture in
      try await Self.fill(fixture, 4_100)
      try await ChangeKeeper(database: fixture.test.open(as: "latchkey_licenses")).seal()
      let (found, expected) = try await Self.seals(fixture)
      #expect(found.count == 4_100)
      #expect(found == expected)
    }
  }

  @Test @EventLoop func `two sealers at once make one chain without gaps`() async throws {
    try await ChangesFixture.with { fixture in
      let databases = (0..<2).map { _ in fixture.test.open(as: "latchkey_licenses") }
      for _ in 0..<10 {
        try await Self.fill(fixture, 50)
        let sealing = databases.map { database in
          EventLoop.spawn { () async -> Bool in
            (try? await ChangeKeeper(database: database).seal()) != nil
          }
        }
        for task in sealing { #expect(await task.value) }
      }
      // One that had come too late may have passed the last entries by.
      try await ChangeKeeper(database: databases[0]).seal()
      let (found, expected) = try await Self.seals(fixture)
      #expect(found.count == 500)
      #expect(Set(found.map(\.id)).count == 500)
      #expect(found == expected)
    }
  }

  /// An entry is not forgotten because younger ones were sealed before it was there to be seen.
  @Test @EventLoop func `an entry that is committed late is sealed behind younger ones`()
    async throws
  {
    try await ChangesFixture.with { fixture in
      let keeper = ChangeKeeper(database: fixture.test.open(as: "latchkey_licenses"))
      fixture.services[0].body = { (change, _) async throws(Fault) in
        let late = try change.suspended()
        fixture.clock.advance(by: .seconds(5))
        _ = try await fixture.ask(1, fixture.options())
        try await keeper.seal()
        return .done(late)
      }
      let late = try await fixture.ask(0, fixture.options())
      #expect(try await fixture.count("changes.audit_seals") == 1)
      try await keeper.seal()
      let (found, expected) = try await Self.seals(fixture)
      #expect(found == expected)
      #expect(found.count == 2)
      let last = try #require(found.last)
      let resource: UUID = try await fixture.administrator.read(
        "select resource_id from changes.audit_entries where id = \(last.id)"
      ).single().value(0)
      #expect(resource.description == late.id)
    }
  }
}
