import Faults
import Messages
import Primitives
import Testing

@testable import LicensesService

private let id = UUID(high: 0x0198_c1e2_7a10_7cc3, low: 0x98c4_dc0c_0c07_398f)
private let now = Timestamp(milliseconds: 1_770_000_000_000)

private func request(_ change: (inout CreatePolicyRequest) -> Void = { _ in })
  -> CreatePolicyRequest
{
  var request = CreatePolicyRequest(
    productId: "0198c1e2-7a10-7cc3-98c4-dc0c0c07398f",
    name: "Standard"
  )
  change(&request)
  return request
}

/// What a template gives: the columns of the contract's section 3.4, which `nil` leaves at the default.
struct TemplateRow: Sendable, CustomTestStringConvertible {
  var template: Policy.Template
  var maxMachines: Int32?
  var requireFingerprint: Bool
  var offlineAllowed: Bool
  var offlineMaxDays: Int32
  var durationDays: Int32?
  var requireHeartbeat: Bool
  var heartbeatIntervalMinutes: Int32
  var floating: Bool
  var isTrial: Bool
  var trialDurationDays: Int32?

  var testDescription: String { "\(template)" }

  static let all = [
    TemplateRow(
      template: .desktopApp,
      maxMachines: 2,
      requireFingerprint: true,
      offlineAllowed: true,
      offlineMaxDays: 14,
      durationDays: nil,
      requireHeartbeat: false,
      heartbeatIntervalMinutes: 60,
      floating: false,
      isTrial: false,
      trialDurationDays: nil
    ),
    TemplateRow(
      template: .cliTool,
      maxMachines: 3,
      requireFingerprint: true,
      offlineAllowed: true,
      offlineMaxDays: 7,
      durationDays: nil,
      requireHeartbeat: false,
      heartbeatIntervalMinutes: 60,
      floating: false,
      isTrial: false,
      trialDurationDays: nil
    ),
    TemplateRow(
      template: .saas,
      maxMachines: nil,
      requireFingerprint: false,
      offlineAllowed: false,
      offlineMaxDays: 14,
      durationDays: 30,
      requireHeartbeat: true,
      heartbeatIntervalMinutes: 1440,
      floating: true,
      isTrial: false,
      trialDurationDays: nil
    ),
    TemplateRow(
      template: .trial,
      maxMachines: 1,
      requireFingerprint: true,
      offlineAllowed: false,
      offlineMaxDays: 14,
      durationDays: nil,
      requireHeartbeat: false,
      heartbeatIntervalMinutes: 60,
      floating: false,
      isTrial: true,
      trialDurationDays: 14
    ),
    TemplateRow(
      template: .custom,
      maxMachines: nil,
      requireFingerprint: true,
      offlineAllowed: true,
      offlineMaxDays: 14,
      durationDays: nil,
      requireHeartbeat: false,
      heartbeatIntervalMinutes: 60,
      floating: false,
      isTrial: false,
      trialDurationDays: nil
    ),
  ]
}

@Suite struct PolicyCreationTests {
  @Test(arguments: TemplateRow.all)
  func `a template gives its defaults`(row: TemplateRow) throws {
    let policy = try Policy(
      creating: request {
        $0.template = row.template
        $0.allowUnlimitedActivations = true
      },
      id: id,
      at: now
    )
    #expect(policy.template == row.template)
    #expect(policy.maxMachines == row.maxMachines)
    #expect(policy.requireFingerprint == row.requireFingerprint)
    #expect(policy.offlineAllowed == row.offlineAllowed)
    #expect(policy.offlineMaxDays == row.offlineMaxDays)
    #expect(policy.durationDays == row.durationDays)
    #expect(policy.requireHeartbeat == row.requireHeartbeat)
    #expect(policy.heartbeatIntervalMinutes == row.heartbeatIntervalMinutes)
    #expect(policy.floating == row.floating)
    #expect(policy.isTrial == row.isTrial)
    #expect(policy.trialDurationDays == row.trialDurationDays)
  }

  @Test func `without a template the contract's defaults hold`() throws {
    let policy = try Policy(creating: request { $0.maxMachines = 1 }, id: id, at: now)
    #expect(policy.template == nil)
    #expect(policy.maxMachines == 1)
    #expect(policy.maxUses == nil)
    #expect(policy.expirationStrategy == .restrictAccess)
    #expect(policy.heartbeatCullStrategy == .deactivateDead)
    #expect(policy.fingerprintUniqueness == .perLicense)
    #expect(!policy.allowMachineTransfer)
    #expect(policy.overridable)
    #expect(policy.maxUniqueFingerprints == nil)
    #expect(policy.metadata == Array("{}".utf8))
    #expect(policy.createdAt == now.milliseconds)
    #expect(policy.updatedAt == now.milliseconds)
  }

  @Test func `fields sent replace the template's`() throws {
    let policy = try Policy(
      creating: request {
        $0.template = .saas
        $0.maxMachines = 5
        $0.floating = false
        $0.durationDays = 365
        $0.requireHeartbeat = false
        $0.heartbeatIntervalMinutes = 5
        $0.requireFingerprint = true
        $0.offlineAllowed = true
        $0.offlineMaxDays = 3
      },
      id: id,
      at: now
    )
    #expect(policy.maxMachines == 5)
    #expect(!policy.floating)
    #expect(policy.durationDays == 365)
    #expect(!policy.requireHeartbeat)
    #expect(policy.heartbeatIntervalMinutes == 5)
    #expect(policy.requireFingerprint)
    #expect(policy.offlineAllowed)
    #expect(policy.offlineMaxDays == 3)
  }

  @Test func `a null sent replaces the template's number`() throws {
    let policy = try Policy(
      creating: request {
        $0.template = .saas
        $0.maxMachines = 1
        $0.presentNames = ["template", "maxMachines", "durationDays"]
      },
      id: id,
      at: now
    )
    #expect(policy.durationDays == nil)
  }

  /// Which requests may make a policy without a limit of machines (contract, section 9 row 15).
  struct ConsentRow: Sendable {
    var template: Policy.Template?
    var maxMachines: Int32?
    var isNullGiven = false
    var consent: Bool?
    /// The limit that results; `.some(nil)` is unlimited, nil is refused.
    var result: Int32??
  }

  @Test(arguments: [
    ConsentRow(maxMachines: 3, result: 3),
    ConsentRow(maxMachines: 3, consent: true, result: 3),
    ConsentRow(result: nil),
    ConsentRow(consent: false, result: nil),
    ConsentRow(isNullGiven: true, result: nil),
    ConsentRow(consent: true, result: .some(nil)),
    ConsentRow(isNullGiven: true, consent: true, result: .some(nil)),
    ConsentRow(template: .desktopApp, result: 2),
    ConsentRow(template: .desktopApp, consent: true, result: 2),
    ConsentRow(template: .desktopApp, isNullGiven: true, result: nil),
    ConsentRow(template: .desktopApp, isNullGiven: true, consent: true, result: .some(nil)),
    ConsentRow(template: .saas, result: nil),
    ConsentRow(template: .saas, consent: true, result: .some(nil)),
    ConsentRow(template: .custom, result: nil),
  ])
  func `unlimited machines need consent`(row: ConsentRow) throws {
    let request = request {
      $0.template = row.template
      $0.maxMachines = row.maxMachines
      $0.allowUnlimitedActivations = row.consent
      $0.presentNames = row.isNullGiven ? ["maxMachines"] : []
    }
    guard let expected = row.result else {
      let fault = #expect(throws: Fault.self) { try Policy(creating: request, id: id, at: now) }
      #expect(fault?.reason == .validationError)
      #expect(fault?.issues.map(\.path) == [["maxMachines"]])
      return
    }
    #expect(try Policy(creating: request, id: id, at: now).maxMachines == expected)
  }

  /// When licenses of a policy expire: days from creation, or never.
  @Test(arguments: [
    (durationDays: Int32?.none, isTrial: false, trialDays: Int32?.none, days: Int64?.none),
    (durationDays: 30, isTrial: false, trialDays: nil, days: 30),
    (durationDays: 30, isTrial: false, trialDays: 7, days: 30),
    (durationDays: nil, isTrial: false, trialDays: 7, days: nil),
    (durationDays: 30, isTrial: true, trialDays: 7, days: 7),
    (durationDays: 30, isTrial: true, trialDays: nil, days: 30),
    (durationDays: nil, isTrial: true, trialDays: nil, days: nil),
    (durationDays: 365_000, isTrial: false, trialDays: nil, days: 365_000),
  ])
  func `expiry is counted from creation`(
    durationDays: Int32?,
    isTrial: Bool,
    trialDays: Int32?,
    days: Int64?
  ) throws {
    let policy = try Policy(
      creating: request {
        $0.maxMachines = 1
        $0.durationDays = durationDays
        $0.isTrial = isTrial
        $0.trialDurationDays = trialDays
      },
      id: id,
      at: now
    )
    let expected = days.map { now.milliseconds + $0 * 86_400_000 }
    #expect(policy.expiry(from: now)?.milliseconds == expected)
  }
}
