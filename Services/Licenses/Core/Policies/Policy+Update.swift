internal import Faults
internal import Messages
internal import Primitives
internal import ServiceKit

extension Policy {
  /// What a request makes of the policy.
  ///
  /// Taking away the limit of machines needs consent in the same request; a policy that is without one stays so
  /// when something else is changed.
  ///
  /// - Throws: ``Fault`` `invalidArgument` that names all fields that were null and cannot be.
  func updated(by request: UpdatePolicyRequest, at now: Timestamp) throws(Fault) -> Policy {
    var policy = self
    var patch = Patch(request.presentNames)
    patch.set(&policy.name, "name", request.name)
    patch.setOrClear(&policy.maxMachines, "maxMachines", request.maxMachines)
    if patch.clears("maxMachines", request.maxMachines), request.allowUnlimitedActivations != true {
      patch.refuse(.unlimitedWithoutConsent)
    }
    patch.setOrClear(&policy.maxUses, "maxUses", request.maxUses)
    patch.set(&policy.floating, "floating", request.floating)
    patch.setOrClear(&policy.durationDays, "durationDays", request.durationDays)
    patch.set(&policy.expirationStrategy, "expirationStrategy", request.expirationStrategy)
    patch.set(&policy.requireHeartbeat, "requireHeartbeat", request.requireHeartbeat)
    patch.set(
      &policy.heartbeatIntervalMinutes,
      "heartbeatIntervalMinutes",
      request.heartbeatIntervalMinutes
    )
    patch.set(&policy.heartbeatCullStrategy, "heartbeatCullStrategy", request.heartbeatCullStrategy)
    patch.set(&policy.requireFingerprint, "requireFingerprint", request.requireFingerprint)
    patch.set(&policy.fingerprintUniqueness, "fingerprintUniqueness", request.fingerprintUniqueness)
    patch.set(&policy.offlineAllowed, "offlineAllowed", request.offlineAllowed)
    patch.set(&policy.offlineMaxDays, "offlineMaxDays", request.offlineMaxDays)
    patch.set(&policy.allowMachineTransfer, "allowMachineTransfer", request.allowMachineTransfer)
    patch.set(&policy.isTrial, "isTrial", request.isTrial)
    patch.setOrClear(&policy.trialDurationDays, "trialDurationDays", request.trialDurationDays)
    patch.set(&policy.overridable, "overridable", request.overridable)
    patch.setOrClear(
      &policy.maxUniqueFingerprints,
      "maxUniqueFingerprints",
      request.maxUniqueFingerprints
    )
    patch.set(&policy.metadata, "metadata", request.metadata)
    try patch.check()
    policy.updatedAt = now.milliseconds
    return policy
  }
}
