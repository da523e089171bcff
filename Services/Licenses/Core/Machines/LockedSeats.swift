internal import Faults
internal import Messages
internal import Primitives
internal import ServiceKit

/// A license under its lock, with what decides over a seat for one fingerprint.
struct LockedSeats {
  /// The license.
  var license: LockedLicense
  /// The active machine of the license that has the fingerprint; nil when none has.
  var machine: Machine?
  /// When that machine was last seen.
  var lastSeen: Timestamp?
  /// Whether the license has been valid before.
  var isActivated: Bool
  /// Whether another license has a machine with the fingerprint, where one of the two policies forbids it.
  var isTakenElsewhere: Bool
  /// Whether the license has ever had the fingerprint.
  var isKnownFingerprint: Bool
  /// How many fingerprints the license has ever had; zero where its policy does not limit them.
  var fingerprintCount: Int64

  /// What the policy wants to hear from machines.
  var heartbeatTerms: HeartbeatTerms { HeartbeatTerms(license.policy) }

  /// How many machines may be active; nil for any number.
  var machinesMax: Int32? { license.license.maxMachinesOverride ?? license.policy.maxMachines }

  /// Whether no seat is free.
  var isFull: Bool {
    guard let max = machinesMax else { return false }
    return license.license.machineCount >= max
  }

  /// Why the fingerprint may have no seat at all, however many are free; nil when it may.
  ///
  /// Source: the REST contract, section 3.5 and section 9, rows 12 and 43.
  var refusal: Fault? {
    if isTakenElsewhere { return Self.takenElsewhere }
    guard let max = license.policy.maxUniqueFingerprints, !isKnownFingerprint,
      fingerprintCount >= Int64(max)
    else { return nil }
    return Fault(
      .failedPrecondition,
      "The license has had as many different machines as its policy allows in all",
      reason: .businessRuleViolation,
      facts: [.init("max", Int64(max)), .init("current", fingerprintCount)]
    )
  }

  /// The machine is bound to another license.
  static let takenElsewhere = Fault(
    .alreadyExists,
    "A machine with this fingerprint is active on another license; deactivate it there first",
    reason: .conflict
  )

  /// Why there is no seat, when ``isFull``.
  var fullness: Fault {
    let isFloating = license.policy.floating
    return Fault(
      .failedPrecondition,
      isFloating
        ? "All floating seats of the license are taken; release one, or wait until one falls free"
        : "The license has as many active machines as it may; deactivate one first",
      reason: isFloating ? .floatingLimitExceeded : .machineLimitExceeded,
      facts: [
        .init("max", Int64(machinesMax ?? 0)),
        .init("current", Int64(license.license.machineCount)),
      ]
    )
  }

  /// Within what a new machine's fingerprint is to be unique: the license, its policy, or the account.
  func uniqueWithin(_ tenant: Tenant) throws(Fault) -> UUID {
    switch license.policy.fingerprintUniqueness {
    case .perLicense: license.id
    case .perPolicy: try UUID(checked: license.policy.id)
    case .perAccount: tenant.accountID
    }
  }
}
