internal import Changes
internal import Faults
internal import Messages
internal import Primitives
internal import RPC
internal import ServiceKit

extension Licenses {
  /// Validates under the license's lock, in one transaction with what the validation leaves behind: the first valid one
  /// of a license, which activates it, and those that a request may be repeated of.
  func validateUnderLock(
    _ facts: LicenseFacts,
    _ question: Judgement.Question,
    _ call: Call
  ) async throws(Fault) -> ValidateKeyResponse {
    let origin =
      call.caller?.accountId == nil ? Origin(call, holderOf: facts.id) : Origin(call)
    return try await changes.make(call, for: facts.tenant, by: origin) {
      (change) async throws(Fault) in
      let seats = try await machines.lockSeats(
        of: facts.id,
        for: question.fingerprint,
        toTake: false,
        change
      )
      let current = try seats.map { (seats) throws(Fault) in
        try LicenseFacts(seats, facts.tenant)
      }
      let judgement = Judgement(of: current, question, at: change.now)
      let verdict = judgement.verdict
      tally.count(verdict, for: facts.tenant, at: change.now)
      var uses = current.map(usesCount) ?? 0
      if verdict.isValid, var seats {
        uses += 1
        try use(&seats, change)
        if !seats.license.events.isEmpty { try licenses.save(seats.license, change) }
      }
      let answer = ValidateKeyResponse(judgement, verdict, usesCount: uses)
      tell(answer, of: facts, at: change.now)
      return answer
    }
  }

  /// Counts a use of a license that is locked and was found valid; the first one activates it.
  ///
  /// The license is saved by whoever locked it.
  func use(_ seats: inout LockedSeats, _ change: Change) throws(Fault) {
    licenses.countUse(of: seats.license.id, change)
    let before = seats.license.current(at: change.now)
    seats.license.license.usesCount += 1
    guard !seats.isActivated else { return }
    let license = seats.license.current(at: change.now)
    seats.license.emit(.licenseActivated, license, at: change.now)
    try change.record("license.activate", seats.license.id, before: before, after: license)
  }
}

extension LicenseFacts {
  /// What is known of a license that is locked.
  init(_ seats: LockedSeats, _ tenant: Tenant) throws(Fault) {
    let license = seats.license.license
    let policy = seats.license.policy
    self.init(
      tenant: tenant,
      id: seats.license.id,
      productID: try UUID(checked: license.productId),
      status: license.status,
      name: license.name,
      expiresAt: license.expiresAt.map(Timestamp.init(milliseconds:)),
      isActivated: seats.isActivated,
      maxMachinesOverride: license.maxMachinesOverride,
      maxUsesOverride: license.maxUsesOverride,
      usesCount: license.usesCount,
      machineCount: license.machineCount,
      terms: Terms(
        maxMachines: policy.maxMachines,
        maxUses: policy.maxUses,
        expirationStrategy: policy.expirationStrategy,
        requiresFingerprint: policy.requireFingerprint,
        heartbeat: HeartbeatTerms(policy)
      ),
      entitlements: license.entitlements
    )
    guard let found = seats.machine, let lastSeen = seats.lastSeen else { return }
    machine = MachineFacts(
      id: try UUID(checked: found.id),
      name: found.name,
      lastHeartbeat: found.lastHeartbeatAt.map(Timestamp.init(milliseconds:)),
      lastSeen: lastSeen
    )
  }
}
