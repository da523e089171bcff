import Changes
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import TestKit
import Testing

/// What is done to the log by somebody with full power over the database, and what the verifier says.
@Suite(.onLoop) struct AuditVerifierTests {
  /// A deed, and how the complaint begins; `nil` where there must be none.
  struct Deed: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var sql: String
    var complaint: String?
  }

  private static let third = """
    (select entry_id from changes.audit_seals where position = 3)
    """

  @Test(arguments: [
    Deed(testDescription: "nothing", sql: "select 1", complaint: nil),
    Deed(
      testDescription: "an entry is altered",
      sql: "update changes.audit_entries set entry = entry || '\\x00' where id = \(third)",
      complaint: "is not what was sealed"
    ),
    Deed(
      testDescription: "a column is altered",
      sql: "update changes.audit_entries set action = 'license.create' where id = \(third)",
      complaint: "its columns do not say what the entry says"
    ),
    Deed(
      testDescription: "an entry is removed",
      sql: "delete from changes.audit_entries where id = \(third)",
      complaint: "is missing"
    ),
    Deed(
      testDescription: "an entry and its seal are removed",
      sql: """
        with seal as (delete from changes.audit_seals where position = 3 returning entry_id)
        delete from changes.audit_entries using seal where id = entry_id
        """,
      complaint: "seals 3 to 3 are missing"
    ),
    Deed(
      testDescription: "an entry is put in besides",
      sql: """
        insert into changes.audit_entries
        select account_id, environment, gen_random_uuid(), action, resource_id, actor_id, entry
        from changes.audit_entries where id = \(third)
        """,
      complaint: "1 entries are neither sealed nor waiting to be"
    ),
    Deed(
      testDescription: "the end is cut off",
      sql: """
        with seal as (delete from changes.audit_seals where position > 3 returning entry_id)
        delete from changes.audit_entries using seal where id = entry_id
        """,
      complaint: "the log ends at position 3, but 5 was noted"
    ),
    Deed(
      testDescription: "all is removed",
      sql: """
        with entries as (delete from changes.audit_entries) delete from changes.audit_seals
        """,
      complaint: "the whole log is gone"
    ),
  ])
  @EventLoop func `what was done to the log is found`(deed: Deed) async throws {
    try await ChangesFixture.with { fixture in
      let keeper = ChangeKeeper(database: fixture.test.open(as: "latchkey_licenses"))
      for _ in 0..<5 {
        fixture.clock.advance(by: .milliseconds(1))
        _ = try await fixture.ask(0, fixture.options())
      }
      try await keeper.seal()
      let verifier = AuditVerifier(database: fixture.test.open(as: "latchkey_auditor"))
      var noted: [AuditVerifier.Head] = []
      try await verifier.verify { noted.append($0.head) }
      #expect(noted.map(\.position) == [5])
      try await fixture.administrator.query(Query(sql: deed.sql))
      var problems: [String] = []
      try await verifier.verify(against: noted) { problems += $0.problems }
      if let complaint = deed.complaint {
        #expect(problems.contains { $0.contains(complaint) }, "\(problems)")
      } else {
        #expect(problems == [])
      }
    }
  }

  /// A chain that is made anew from an altered log is whole in itself: only what was noted elsewhere tells.
  @Test @EventLoop func `a chain made anew is found by a head that was noted`() async throws {
    try await ChangesFixture.with { fixture in
      let keeper = ChangeKeeper(database: fixture.test.open(as: "latchkey_licenses"))
      for _ in 0..<3 { _ = try await fixture.ask(0, fixture.options()) }
      try await keeper.seal()
      let verifier = AuditVerifier(database: fixture.test.open(as: "latchkey_auditor"))
      var noted: [AuditVerifier.Head] = []
      try await verifier.verify { noted.append($0.head) }
      for sql in [
        "delete from changes.audit_seals",
        "delete from changes.audit_entries where id = (select max(id::text)::uuid from changes.audit_entries)",
        "insert into changes.audit_unsealed select account_id, environment, id from changes.audit_entries",
      ] { try await fixture.administrator.query(Query(sql: sql)) }
      _ = try await fixture.ask(0, fixture.options())
      try await keeper.seal()
      var problems: [String] = []
      try await verifier.verify { problems += $0.problems }
      #expect(problems == [])
      try await verifier.verify(against: noted) { problems += $0.problems }
      #expect(problems == ["the seal at position 3 is not the one that was noted"])
    }
  }

  @Test @EventLoop func `what waits for the sealer is told`() async throws {
    try await ChangesFixture.with { fixture in
      _ = try await fixture.ask(0, fixture.options())
      let verifier = AuditVerifier(database: fixture.test.open(as: "latchkey_auditor"))
      var reports: [AuditVerifier.Report] = []
      try await verifier.verify { reports.append($0) }
      #expect(reports.map(\.unsealedCount) == [1])
      #expect(reports.flatMap(\.problems) == [])
    }
  }
}
