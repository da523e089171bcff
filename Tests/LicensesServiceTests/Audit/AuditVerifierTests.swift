import Changes
import EventLoop
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

/// What somebody with full power over the database may do to the log, and that it is found.
@Suite(.onLoop) struct AuditVerifierTests {
  @Test @EventLoop func `a log that nobody touched is whole`() async throws {
    try await Self.withSealedLog { log in
      let report = try #require(try await log.verify().first)
      #expect(report.problems == [])
      #expect(report.unsealedCount == 0)
      #expect(report.head.position == log.count)
      #expect(try await log.verify(against: [report.head]).map(\.problems) == [[]])
    }
  }

  @Test @EventLoop func `what is not sealed yet is counted and no problem`() async throws {
    try await Self.withSealedLog { log in
      try await log.change()
      let report = try #require(try await log.verify().first)
      #expect(report.problems == [])
      #expect(report.unsealedCount == 1)
    }
  }

  /// Each row: what is done to the log as superuser, and what the verifier must say.
  static let tamperings: [(String, String)] = [
    ("delete from changes.audit_entries where id = $second", "is missing"),
    (
      "update changes.audit_entries set entry = set_byte(entry, 60, get_byte(entry, 60) # 1) "
        + "where id = $second",
      "is not what was sealed"
    ),
    (
      "update changes.audit_entries e set entry = o.entry from changes.audit_entries o "
        + "where e.id = $second and o.id <> e.id",
      "is not what was sealed"
    ),
    (
      "update changes.audit_entries set action = 'license.read' where id = $second",
      "its columns do not say"
    ),
    ("update changes.audit_entries set actor_id = null where id = $second", "its columns"),
    ("delete from changes.audit_seals where position = 2", "seals 2 to 2 are missing"),
    (
      "update changes.audit_seals set hash = sha256(hash) where position = 2",
      "is not what was sealed"
    ),
    (
      "insert into changes.audit_entries select account_id, environment, gen_random_uuid(), action, "
        + "resource_id, actor_id, entry from changes.audit_entries limit 1",
      "neither sealed nor waiting"
    ),
  ]

  @Test(arguments: tamperings)
  @EventLoop func `tampering is found`(sql: String, complaint: String) async throws {
    try await Self.withSealedLog { log in
      try await log.tamper(sql)
      let report = try #require(try await log.verify().first)
      #expect(report.problems.contains { $0.contains(complaint) }, "\(report.problems)")
    }
  }

  /// One row that is wrong does not make all that follow look wrong.
  @Test @EventLoop func `only what was altered is told`() async throws {
    try await Self.withSealedLog { log in
      try await log.tamper("delete from changes.audit_entries where id = $second")
      #expect(try await log.verify().first?.problems.count == 1)
    }
  }

  @Test @EventLoop func `a chain that was cut short is found by a head that was noted`()
    async throws
  {
    try await Self.withSealedLog { log in
      let head = try #require(try await log.verify().first?.head)
      try await log.tamper(
        """
        with cut as (delete from changes.audit_seals where position > 1 returning entry_id)
        delete from changes.audit_entries where id in (select entry_id from cut)
        """
      )
      #expect(try await log.verify().first?.problems == [])
      let problems = try #require(try await log.verify(against: [head]).first?.problems)
      #expect(problems.contains { $0.contains("but \(head.position) was noted") })
    }
  }

  @Test @EventLoop func `a chain that was made anew is found by a head that was noted`()
    async throws
  {
    try await Self.withSealedLog { log in
      let head = try #require(try await log.verify().first?.head)
      try await log.tamper("delete from changes.audit_entries where id = $second")
      try await log.tamper(
        """
        with old as (delete from changes.audit_seals returning account_id, environment, entry_id)
        insert into changes.audit_unsealed
        select o.* from old o join changes.audit_entries e on e.id = o.entry_id
        """
      )
      try await log.seal()
      try await log.change()
      try await log.seal()
      #expect(try await log.verify().first?.problems == [])
      let problems = try #require(try await log.verify(against: [head]).first?.problems)
      #expect(problems.contains { $0.contains("is not the one that was noted") })
    }
  }

  @Test @EventLoop func `an account whose log is gone altogether is found by a noted head`()
    async throws
  {
    try await Self.withSealedLog { log in
      let head = try #require(try await log.verify().first?.head)
      try await log.tamper("delete from changes.audit_seals")
      try await log.tamper("delete from changes.audit_entries")
      #expect(try await log.verify(against: [head]).first?.problems == ["the whole log is gone"])
    }
  }

  @EventLoop
  private static func withSealedLog(
    _ body: @EventLoop (SealedLog) async throws -> Void
  ) async throws {
    try await LicensesFixture.with { fixture in
      let log = SealedLog(fixture)
      for _ in 0..<4 { try await log.change() }
      try await log.seal()
      try await body(log)
    }
  }
}

/// The audit log of one account, and what may happen to it.
@EventLoop
private final class SealedLog {
  private let fixture: LicensesFixture
  private let administrator: Database
  private let auditor: Database
  private let keeper: ChangeKeeper
  /// How many entries are sealed.
  private(set) var count: Int64 = 0

  init(_ fixture: LicensesFixture) {
    self.fixture = fixture
    administrator = fixture.test.open()
    auditor = fixture.test.open(as: "latchkey_auditor")
    keeper = ChangeKeeper(database: fixture.test.open(as: "latchkey_licenses"))
  }

  /// Makes one change that leaves one entry, by an API key.
  func change() async throws {
    let code = "e\(UInt64.random(in: 0 ... .max))"
    var options = fixture.options
    options.caller?.actorId = UUID.v7().description
    _ = try await fixture.client.createEntitlement(
      CreateEntitlementRequest(code: code, name: "An entitlement"),
      options
    )
  }

  func seal() async throws {
    try await keeper.seal()
    count = try await administrator.read("select count(*) from changes.audit_seals").single()
      .value(0)
  }

  /// Runs a statement as superuser; `$second` stands for the second entry's id.
  func tamper(_ sql: String) async throws {
    let second = "(select entry_id from changes.audit_seals where position = 2)"
    let changed = try await administrator.query(
      Query(sql: sql.replacing("$second", with: second))
    )
    #expect(changed.affectedCount > 0)
  }

  func verify(against heads: [AuditVerifier.Head] = []) async throws -> [AuditVerifier.Report] {
    var reports: [AuditVerifier.Report] = []
    try await AuditVerifier(database: auditor).verify(against: heads) { reports.append($0) }
    return reports
  }
}
