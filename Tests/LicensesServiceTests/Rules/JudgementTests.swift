import Messages
import Primitives
import Testing

@testable import LicensesService

private let now = Timestamp(milliseconds: 1_770_000_000_000)

/// One license, one question, and the answer.
struct JudgementRow: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var isValid: Bool
  var code: ValidateKeyResponse.Code
  var status: License.Status
  var facts: LicenseFacts
  var question: Judgement.Question

  /// - Parameters:
  ///   - name: What is special.
  ///   - code: The verdict.
  ///   - isValid: Whether it is a good one; by default when the code is VALID.
  ///   - status: The state shown.
  ///   - fingerprint: What the machine sends; nothing when nil.
  ///   - asks: The entitlements asked for.
  ///   - change: Changes an active license of two machines whose policy wants nothing.
  init(
    _ name: String,
    _ code: ValidateKeyResponse.Code,
    isValid: Bool? = nil,
    status: License.Status = .active,
    fingerprint: String? = nil,
    asks: [String] = [],
    _ change: (inout LicenseFacts) -> Void = { _ in }
  ) {
    testDescription = name
    self.code = code
    self.isValid = isValid ?? (code == .valid)
    self.status = status
    question = Judgement.Question(fingerprint: fingerprint, entitlements: asks)
    facts = LicenseFacts(
      tenant: Tenant(accountID: UUID(high: 1, low: 1), environment: .test),
      id: UUID(high: 1, low: 2),
      productID: UUID(high: 1, low: 3),
      status: .active,
      name: "Studio seat",
      isActivated: true,
      usesCount: 4,
      machineCount: 1,
      terms: LicenseFacts.Terms(
        maxMachines: 2,
        expirationStrategy: .restrictAccess,
        requiresFingerprint: false,
        heartbeat: HeartbeatTerms(isRequired: false, isFloating: false, interval: .seconds(3600))
      ),
      entitlements: ["export_pdf", "sso"]
    )
    change(&facts)
  }

  fileprivate static let expired: @Sendable (inout LicenseFacts) -> Void = { $0.expiresAt = now }
  fileprivate static func machine(
    heartbeat: Duration? = nil,
    seen: Duration = .zero
  ) -> MachineFacts {
    MachineFacts(
      id: UUID(high: 1, low: 4),
      name: "atelier-01",
      lastHeartbeat: heartbeat.map { now - $0 },
      lastSeen: now - seen
    )
  }

  static let all = states + limits + machines + heartbeats + entitlements

  private static let states = [
    JudgementRow("nothing special", .valid),
    JudgementRow("expires later", .valid) { $0.expiresAt = now + .milliseconds(1) },
    JudgementRow("expires now", .expired, status: .expired, expired),
    JudgementRow("keeps access", .expired, isValid: true, status: .expired) {
      $0.expiresAt = now
      $0.terms.expirationStrategy = .allowAccess
    },
    JudgementRow("would keep access", .valid) {
      $0.expiresAt = now + .milliseconds(1)
      $0.terms.expirationStrategy = .allowAccess
    },
    JudgementRow("revoked by expiry", .revoked, status: .revoked) {
      $0.expiresAt = now
      $0.terms.expirationStrategy = .revoke
    },
    // What a sweeper has written already.
    JudgementRow("written as expired", .expired, status: .expired) { $0.status = .expired },
    JudgementRow("suspended and expired", .suspended, status: .suspended) {
      $0.status = .suspended
      $0.expiresAt = now
    },
    JudgementRow("revoked, of a policy that allows access", .revoked, status: .revoked) {
      $0.status = .revoked
      $0.expiresAt = now
      $0.terms.expirationStrategy = .allowAccess
    },
    JudgementRow("banned and expired", .banned, status: .banned) {
      $0.status = .banned
      $0.expiresAt = now
    },
  ]

  private static let limits = [
    JudgementRow("one use left", .valid) { $0.terms.maxUses = 5 },
    JudgementRow("no use left", .usesExceeded) { $0.terms.maxUses = 4 },
    JudgementRow("more used than allowed", .usesExceeded) { $0.terms.maxUses = 3 },
    JudgementRow("a limit of its own allows more", .valid) {
      $0.terms.maxUses = 4
      $0.maxUsesOverride = 5
    },
    JudgementRow("a limit of its own allows less", .usesExceeded) {
      $0.terms.maxUses = 9
      $0.maxUsesOverride = 4
    },
    JudgementRow("expired before used up", .expired, status: .expired) {
      $0.expiresAt = now
      $0.terms.maxUses = 4
    },
    JudgementRow("keeps access but is used up", .usesExceeded, status: .expired) {
      $0.expiresAt = now
      $0.terms.expirationStrategy = .allowAccess
      $0.terms.maxUses = 4
    },
    JudgementRow("used up before the machine", .usesExceeded, fingerprint: "unknown-1") {
      $0.terms.maxUses = 4
    },
  ]

  private static let machines = [
    JudgementRow("no fingerprint where one is needed", .fingerprintNotFound) {
      $0.terms.requiresFingerprint = true
      $0.machineCount = 2
    },
    JudgementRow("a known one", .valid, fingerprint: "known-01") { $0.machine = machine() },
    JudgementRow("a known one of a full license", .valid, fingerprint: "known-01") {
      $0.machine = machine()
      $0.machineCount = 2
    },
    JudgementRow(
      "an unknown one, with a free seat",
      .fingerprintNotFound,
      fingerprint: "unknown-1"
    ),
    JudgementRow("an unknown one, without", .machineLimitExceeded, fingerprint: "unknown-1") {
      $0.machineCount = 2
    },
    JudgementRow(
      "an unknown one, any number allowed",
      .fingerprintNotFound,
      fingerprint: "unknown-1"
    ) {
      $0.terms.maxMachines = nil
      $0.machineCount = 200
    },
    JudgementRow("a limit of its own", .machineLimitExceeded, fingerprint: "unknown-1") {
      $0.maxMachinesOverride = 1
    },
    JudgementRow(
      "keeps access, unknown",
      .fingerprintNotFound,
      status: .expired,
      fingerprint: "unknown-1"
    ) {
      $0.expiresAt = now
      $0.terms.expirationStrategy = .allowAccess
    },
    JudgementRow(
      "unknown before what is missing",
      .fingerprintNotFound,
      fingerprint: "unknown-1",
      asks: ["x"]
    ),
  ]

  private static let heartbeats = [
    JudgementRow("required, none yet", .heartbeatRequired, fingerprint: "known-01") {
      $0.terms.heartbeat.isRequired = true
      $0.machine = machine()
    },
    JudgementRow("required, at its last moment", .valid, fingerprint: "known-01") {
      $0.terms.heartbeat.isRequired = true
      $0.machine = machine(heartbeat: .seconds(3600), seen: .seconds(3600))
    },
    JudgementRow("required, overdue", .heartbeatRequired, fingerprint: "known-01") {
      $0.terms.heartbeat.isRequired = true
      $0.machine = machine(heartbeat: .milliseconds(3_600_001), seen: .milliseconds(3_600_001))
    },
    JudgementRow("required, without a machine", .valid) { $0.terms.heartbeat.isRequired = true },
    JudgementRow("a lease without heartbeats", .valid, fingerprint: "known-01") {
      $0.terms.heartbeat.isFloating = true
      $0.machine = machine(seen: .seconds(3600))
    },
    JudgementRow("a lease that has run out", .heartbeatRequired, fingerprint: "known-01") {
      $0.terms.heartbeat.isFloating = true
      $0.machine = machine(seen: .milliseconds(3_600_001))
    },
    JudgementRow("silent, and nothing wanted", .valid, fingerprint: "known-01") {
      $0.machine = machine(heartbeat: .seconds(86_400), seen: .seconds(86_400))
    },
  ]

  private static let entitlements = [
    JudgementRow("in effect", .valid, asks: ["sso", "export_pdf"]),
    JudgementRow("one missing", .entitlementsMissing, asks: ["sso", "api"]),
    JudgementRow("other letters", .entitlementsMissing, asks: ["SSO"]),
    JudgementRow("none in effect", .entitlementsMissing, asks: ["sso"]) { $0.entitlements = [] },
    JudgementRow("expired before missing", .expired, status: .expired, asks: ["api"], expired),
    JudgementRow("keeps access, missing", .entitlementsMissing, status: .expired, asks: ["api"]) {
      $0.expiresAt = now
      $0.terms.expirationStrategy = .allowAccess
    },
    JudgementRow(
      "overdue before missing",
      .heartbeatRequired,
      fingerprint: "known-01",
      asks: ["api"]
    ) {
      $0.terms.heartbeat.isRequired = true
      $0.machine = machine()
    },
  ]
}

@Suite struct JudgementTests {
  @Test(arguments: JudgementRow.all)
  func `a license is judged`(row: JudgementRow) {
    let judgement = Judgement(of: row.facts, row.question, at: now)
    #expect(judgement.verdict == Verdict(isValid: row.isValid, code: row.code))
    #expect(judgement.status == row.status)
  }

  /// Both are made from the same findings: what decides is the first rule that is said to have failed.
  @Test(arguments: JudgementRow.all)
  func `an explanation says what decided, and how to mend it`(row: JudgementRow) {
    let explanation = Judgement(of: row.facts, row.question, at: now).explanation
    #expect(explanation.map(\.rule) == Rule.inOrder.map(\.rawValue))
    let failed = explanation.filter { $0.outcome == .failed }
    #expect(failed.count == (row.isValid ? 0 : 1))
    #expect(failed.allSatisfy { $0.fix != nil })
    if let first = explanation.firstIndex(where: { $0.outcome == .failed }) {
      #expect(explanation[(first + 1)...].allSatisfy { $0.outcome == .skipped })
    }
  }

  @Test func `an explanation shows the numbers compared`() throws {
    let row = JudgementRow("full", .machineLimitExceeded, fingerprint: "unknown-1") {
      $0.machineCount = 2
      $0.terms.maxUses = 9
    }
    let explanation = Judgement(of: row.facts, row.question, at: now).explanation
    let machine = try #require(explanation.first { $0.rule == "machine" })
    #expect(machine.outcome == .failed)
    #expect(machine.current == 2)
    #expect(machine.limit == 2)
    #expect(machine.fix?.contains("maxMachinesOverride") == true)
    let uses = try #require(explanation.first { $0.rule == "uses" })
    #expect(uses.outcome == .passed)
    #expect(uses.current == 4)
    #expect(uses.limit == 9)
  }

  @Test func `a key that leads nowhere is not found`() {
    let judgement = Judgement(of: nil, Judgement.Question(entitlements: ["sso"]), at: now)
    let answer = ValidateKeyResponse(judgement, judgement.verdict, usesCount: 0)
    #expect(!answer.valid)
    #expect(answer.code == .notFound)
    #expect(answer.license == nil)
    #expect(answer.machine == nil)
    #expect(answer.entitlements.isEmpty)
    #expect(answer.metadata == Array("{}".utf8))
    #expect(judgement.explanation.map(\.outcome).filter { $0 == .failed }.count == 1)
  }

  @Test func `a key of another product than the one that asks is not found`() {
    let row = JudgementRow("", .valid)
    var question = row.question
    question.productID = row.facts.productID
    #expect(Judgement(of: row.facts, question, at: now).verdict.code == .valid)
    question.productID = UUID(high: 9, low: 9)
    let judgement = Judgement(of: row.facts, question, at: now)
    #expect(judgement.verdict.code == .notFound)
    #expect(ValidateKeyResponse(judgement, judgement.verdict, usesCount: 0).license == nil)
  }

  /// Having a seat is no condition for asking for one.
  @Test func `asking for a seat looks at neither machine nor heartbeat`() {
    for row in JudgementRow.all {
      var question = row.question
      question.takesSeat = true
      let code = Judgement(of: row.facts, question, at: now).verdict.code
      #expect(code != .fingerprintNotFound && code != .machineLimitExceeded)
      #expect(code != .heartbeatRequired)
    }
  }

  @Test func `the public answer shows the reduced license and machine`() throws {
    let row = JudgementRow("", .valid, fingerprint: "known-01") {
      $0.machine = JudgementRow.machine(heartbeat: .seconds(1))
      $0.maxMachinesOverride = 3
      $0.expiresAt = now + .milliseconds(5)
    }
    let judgement = Judgement(of: row.facts, row.question, at: now)
    let answer = ValidateKeyResponse(judgement, judgement.verdict, usesCount: 7)
    let license = try #require(answer.license)
    #expect(license.id == row.facts.id.description)
    #expect(license.status == .active)
    #expect(license.name == "Studio seat")
    #expect(license.expiresAt == now.milliseconds + 5)
    #expect(license.maxMachinesOverride == 3)
    #expect(license.maxUsesOverride == nil)
    #expect(license.usesCount == 7)
    let machine = try #require(answer.machine)
    #expect(machine.id == row.facts.machine?.id.description)
    #expect(machine.fingerprint == "known-01")
    #expect(machine.name == "atelier-01")
    #expect(machine.heartbeatStatus == .alive)
    #expect(answer.entitlements == ["export_pdf", "sso"])
  }
}
