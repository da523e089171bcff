internal import Messages
internal import Primitives

extension ValidateKeyResponse {
  /// The public answer: whoever holds the key sees it, so it says no more than the contract's section 2.1.
  ///
  /// - Parameters:
  ///   - judgement: What was judged.
  ///   - verdict: What came of it; that of the judgement, unless the last use went to somebody else meanwhile.
  ///   - usesCount: How often the license has been used, this time included.
  init(_ judgement: Judgement, _ verdict: Verdict, usesCount: Int64) {
    let facts = judgement.facts
    self.init(
      valid: verdict.isValid,
      code: verdict.code,
      license: ValidatedLicense(judgement, usesCount: usesCount),
      machine: judgement.validatedMachine,
      entitlements: facts?.entitlements ?? [],
      metadata: emptyObject
    )
  }
}

extension ValidatedLicense {
  /// What is shown of a license; nil when there is none.
  init?(_ judgement: Judgement, usesCount: Int64) {
    guard let facts = judgement.facts, let status = judgement.status else { return nil }
    self.init(
      id: facts.id.description,
      status: status,
      name: facts.name,
      expiresAt: facts.expiresAt?.milliseconds,
      maxMachinesOverride: facts.maxMachinesOverride,
      maxUsesOverride: facts.maxUsesOverride,
      usesCount: usesCount
    )
  }
}

extension Judgement {
  /// What is shown of the machine that asked; nil when the license has no such one.
  fileprivate var validatedMachine: ValidatedMachine? {
    guard let facts, let machine = facts.machine, let fingerprint = question.fingerprint else {
      return nil
    }
    return ValidatedMachine(
      id: machine.id.description,
      fingerprint: fingerprint,
      name: machine.name,
      heartbeatStatus: machine.heartbeatStatus(on: facts.terms.heartbeat, at: now)
    )
  }
}
