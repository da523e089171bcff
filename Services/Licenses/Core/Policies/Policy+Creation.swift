internal import Faults
internal import Messages
internal import Primitives

extension Policy {
  /// The policy that a request describes: what it says, over its template's defaults.
  ///
  /// A null in the body is a value where the field can be null, so it replaces a template's default;
  /// where the field cannot, it is as good as absent.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when the machines of the resulting policy would be
  ///   unlimited without consent.
  init(creating request: CreatePolicyRequest, id: UUID, at now: Timestamp) throws(Fault) {
    let defaults = PolicyDefaults(template: request.template)
    let maxMachines = request.nullable("maxMachines", request.maxMachines, defaults.maxMachines)
    if maxMachines == nil, request.allowUnlimitedActivations != true {
      throw .invalid([.unlimitedWithoutConsent])
    }
    self.init(
      id: id.description,
      productId: request.productId,
      name: request.name,
      template: request.template,
      maxMachines: maxMachines,
      maxUses: request.nullable("maxUses", request.maxUses, defaults.maxUses),
      floating: request.floating ?? defaults.floating,
      durationDays: request.nullable("durationDays", request.durationDays, defaults.durationDays),
      expirationStrategy: request.expirationStrategy ?? defaults.expirationStrategy,
      requireHeartbeat: request.requireHeartbeat ?? defaults.requireHeartbeat,
      heartbeatIntervalMinutes: request.heartbeatIntervalMinutes
        ?? defaults.heartbeatIntervalMinutes,
      heartbeatCullStrategy: request.heartbeatCullStrategy ?? defaults.heartbeatCullStrategy,
      requireFingerprint: request.requireFingerprint ?? defaults.requireFingerprint,
      fingerprintUniqueness: request.fingerprintUniqueness ?? defaults.fingerprintUniqueness,
      offlineAllowed: request.offlineAllowed ?? defaults.offlineAllowed,
      offlineMaxDays: request.offlineMaxDays ?? defaults.offlineMaxDays,
      allowMachineTransfer: request.allowMachineTransfer ?? defaults.allowMachineTransfer,
      isTrial: request.isTrial ?? defaults.isTrial,
      trialDurationDays: request.nullable(
        "trialDurationDays",
        request.trialDurationDays,
        defaults.trialDurationDays
      ),
      overridable: request.overridable ?? defaults.overridable,
      maxUniqueFingerprints: request.nullable(
        "maxUniqueFingerprints",
        request.maxUniqueFingerprints,
        defaults.maxUniqueFingerprints
      ),
      metadata: request.metadata ?? emptyObject,
      createdAt: now.milliseconds,
      updatedAt: now.milliseconds,
      entitlements: []
    )
  }

  /// When a license issued now expires by this policy; nil means never.
  func expiry(from now: Timestamp) -> Timestamp? {
    let days = isTrial ? trialDurationDays ?? durationDays : durationDays
    return days.map { now + .seconds(Int64($0) * 86_400) }
  }
}

extension Fault.Issue {
  /// Machines without a limit, which must be asked for in so many words.
  static let unlimitedWithoutConsent = Fault.Issue(
    path: ["maxMachines"],
    message: "Required: a positive integer, or null with allowUnlimitedActivations: true",
    code: "invalid_type"
  )
}

extension CreatePolicyRequest {
  /// The value of a field that may be null: as given, else null if the body says so, else the default.
  fileprivate func nullable(_ jsonName: String, _ given: Int32?, _ fallback: Int32?) -> Int32? {
    if let given { return given }
    return presentNames.contains(jsonName) ? nil : fallback
  }
}

/// The metadata of what was made without any.
let emptyObject: [UInt8] = Array("{}".utf8)
