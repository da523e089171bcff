import Faults
import Messages
import Primitives
import ServiceKit
import Testing

@testable import LicensesService

private let now = Timestamp(milliseconds: 1_770_000_000_000)
private let day: Int64 = 86_400_000

/// A decision about a license.
enum Action: String, CaseIterable, Sendable {
  case suspend, reinstate, revoke, renew, ban

  func apply(to license: License, until: Timestamp?, _ policy: Policy) throws(Fault) -> License {
    switch self {
    case .suspend: try license.suspended(at: now)
    case .reinstate: try license.reinstated(until: until, by: policy, at: now)
    case .revoke: try license.revoked(at: now)
    case .renew: try license.renewed(until: until, by: policy, at: now)
    case .ban: try license.banned(at: now)
    }
  }
}

/// Every state with every action: where it leads to, or nil where it is a conflict.
private let table: [(License.Status, [Action: License.Status])] = [
  (.active, [.suspend: .suspended, .revoke: .revoked, .renew: .active, .ban: .banned]),
  (.suspended, [.reinstate: .active, .revoke: .revoked, .ban: .banned]),
  (.expired, [.reinstate: .active, .renew: .active, .ban: .banned]), (.revoked, [:]),
  (.banned, [:]),
]

/// Until when a license lasts, by days from now.
struct ExtensionRow: Sendable {
  var action: Action
  var status: License.Status
  /// The present expiry; nil for never.
  var expires: Int64?
  /// The expiry asked for.
  var asked: Int64?
  /// The policy's duration.
  var duration: Int32?
  /// The expiry afterwards; nil for never.
  var result: Int64?
  var isRefused = false
}

private let extensions = [
  // Renewed until a given day, or by the duration from the later of now and the present expiry.
  ExtensionRow(action: .renew, status: .active, expires: 3, asked: 9, result: 9),
  ExtensionRow(action: .renew, status: .active, expires: 3, asked: 1, result: 1),
  ExtensionRow(action: .renew, status: .active, expires: 3, duration: 30, result: 33),
  ExtensionRow(action: .renew, status: .expired, expires: -3, duration: 30, result: 30),
  ExtensionRow(action: .renew, status: .active, expires: nil, asked: 9, result: 9),
  ExtensionRow(action: .renew, status: .active, expires: nil, duration: 30, isRefused: true),
  ExtensionRow(action: .renew, status: .active, expires: 3, isRefused: true),
  ExtensionRow(action: .renew, status: .expired, expires: -3, isRefused: true),
  // Reinstated with the expiry that it has, unless that has passed.
  ExtensionRow(action: .reinstate, status: .suspended, expires: 3, duration: 30, result: 3),
  ExtensionRow(action: .reinstate, status: .suspended, expires: nil, result: nil),
  ExtensionRow(action: .reinstate, status: .suspended, expires: 3, asked: 9, result: 9),
  ExtensionRow(action: .reinstate, status: .suspended, expires: -3, duration: 30, result: 30),
  ExtensionRow(action: .reinstate, status: .suspended, expires: 0, duration: 30, result: 30),
  ExtensionRow(action: .reinstate, status: .suspended, expires: -3, isRefused: true),
  ExtensionRow(action: .reinstate, status: .expired, expires: -3, asked: 9, result: 9),
  ExtensionRow(action: .reinstate, status: .expired, expires: -3, duration: 30, result: 30),
  ExtensionRow(action: .reinstate, status: .expired, expires: -3, isRefused: true),
]

@Suite struct TransitionTests {
  private func policy(durationDays: Int32?) throws -> Policy {
    try Policy(
      creating: CreatePolicyRequest(
        productId: UUID(high: 1, low: 1).description,
        name: "Standard",
        maxMachines: 1,
        durationDays: durationDays
      ),
      id: UUID(high: 1, low: 2),
      at: now
    )
  }

  private func license(_ status: License.Status, expires: Int64?) -> License {
    License(
      id: UUID(high: 1, low: 3).description,
      status: status,
      productId: UUID(high: 1, low: 1).description,
      policyId: UUID(high: 1, low: 2).description,
      expiresAt: expires.map { now.milliseconds + $0 * day },
      usesCount: 0,
      machineCount: 0,
      suspendedAt: status == .suspended ? 5 : nil,
      createdAt: 1,
      updatedAt: 1,
      metadata: [],
      keyStored: true
    )
  }

  @Test(arguments: table) func `every action leads where it may, from every state`(
    status: License.Status,
    admitted: [Action: License.Status]
  ) throws {
    let license = license(status, expires: status == .expired ? -1 : 1)
    let policy = try policy(durationDays: 30)
    for action in Action.allCases {
      guard let target = admitted[action] else {
        let fault = #expect(throws: Fault.self) {
          try action.apply(to: license, until: nil, policy)
        }
        #expect(fault?.reason == .conflict)
        #expect(fault?.message.contains(status.wireName) == true)
        continue
      }
      let changed = try action.apply(to: license, until: nil, policy)
      #expect(changed.status == target)
      #expect(changed.updatedAt == now.milliseconds)
      let moment = now.milliseconds
      #expect(
        changed.suspendedAt
          == (target == .suspended ? moment : target == .active ? nil : license.suspendedAt)
      )
      #expect(changed.revokedAt == (target == .revoked ? moment : nil))
      #expect(changed.bannedAt == (target == .banned ? moment : nil))
    }
  }

  @Test(arguments: extensions) func `how long a license lasts from then on`(row: ExtensionRow)
    throws
  {
    let license = license(row.status, expires: row.expires)
    let policy = try policy(durationDays: row.duration)
    let until = row.asked.map { Timestamp(milliseconds: now.milliseconds + $0 * day) }
    guard !row.isRefused else {
      let fault = #expect(throws: Fault.self) {
        try row.action.apply(to: license, until: until, policy)
      }
      #expect(fault?.reason == .businessRuleViolation)
      return
    }
    let changed = try row.action.apply(to: license, until: until, policy)
    #expect(changed.expiresAt == row.result.map { now.milliseconds + $0 * day })
  }

  @Test func `no renewal goes beyond the times that can be written`() throws {
    var license = license(.active, expires: 1)
    let policy = try policy(durationDays: 365_000)
    for _ in 0..<20 { license = try license.renewed(until: nil, by: policy, at: now) }
    #expect(license.expiresAt == Timestamp.latest.milliseconds)
  }
}
