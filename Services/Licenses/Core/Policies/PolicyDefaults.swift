internal import Messages

/// What the fields of a new policy are when the request does not say.
///
/// Source: the REST contract, sections 3.3 (defaults) and 3.4 (templates).
struct PolicyDefaults: Equatable {
  var maxMachines: Int32?
  var maxUses: Int32?
  var floating = false
  var durationDays: Int32?
  var expirationStrategy = Policy.ExpirationStrategy.restrictAccess
  var requireHeartbeat = false
  var heartbeatIntervalMinutes: Int32 = 60
  var heartbeatCullStrategy = Policy.HeartbeatCullStrategy.deactivateDead
  var requireFingerprint = true
  var fingerprintUniqueness = Policy.FingerprintUniqueness.perLicense
  var offlineAllowed = true
  var offlineMaxDays: Int32 = 14
  var allowMachineTransfer = false
  var isTrial = false
  var trialDurationDays: Int32?
  var overridable = true
  var maxUniqueFingerprints: Int32?

  /// The defaults of a template; without one, those of the contract alone.
  init(template: Policy.Template?) {
    switch template {
    case .desktopApp:
      maxMachines = 2
    case .cliTool:
      maxMachines = 3
      offlineMaxDays = 7
    case .saas:
      floating = true
      durationDays = 30
      requireHeartbeat = true
      heartbeatIntervalMinutes = 1440
      requireFingerprint = false
      offlineAllowed = false
    case .trial:
      maxMachines = 1
      isTrial = true
      trialDurationDays = 14
      offlineAllowed = false
    case .custom, nil:
      break
    }
  }
}
