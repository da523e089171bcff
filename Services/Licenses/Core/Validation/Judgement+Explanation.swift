internal import Messages
internal import Primitives

/// What a judgement looked at, in sentences for the vendor: made from the findings that the verdict is made from.
extension Judgement {
  /// Every rule in order.
  ///
  /// Those behind the one that decided were not reached, but are said how they would come out
  /// if it were mended.
  var explanation: [RuleCheck] {
    var isDecided = false
    return Rule.inOrder.map { rule in
      let finding = finding(rule)
      var check = RuleCheck(
        rule: rule.rawValue,
        outcome: .passed,
        message: message(rule, finding),
        current: finding.current,
        limit: finding.limit
      )
      switch finding.outcome {
      case .passed: check.outcome = isDecided ? .skipped : .passed
      case .unasked: check.outcome = .skipped
      case .failed(let code):
        check.outcome = isDecided ? .skipped : .failed
        check.fix = fix(code)
        isDecided = true
      }
      return check
    }
  }

  private func message(_ rule: Rule, _ finding: Finding) -> String {
    guard let facts else {
      return rule == .key
        ? "No license of this account, and of the product that asks, has this key"
        : "There is no license to look at"
    }
    switch rule {
    case .key: return "The key is that of license \(facts.id)"
    case .banned, .revoked, .suspended:
      return finding.outcome == .passed
        ? "The license is not \(rule.rawValue)" : "The license is \(rule.rawValue)"
    case .expiry: return expiryMessage(facts)
    case .uses:
      guard let max = finding.limit else { return "The license may be used any number of times" }
      return "The license was used \(facts.usesCount) times of \(max)"
    case .machine: return machineMessage(facts, finding)
    case .heartbeat: return heartbeatMessage(facts, finding)
    case .entitlements:
      if question.entitlements.isEmpty { return "No entitlement was asked for" }
      let missing = missingEntitlements(facts)
      return missing.isEmpty
        ? "All entitlements that were asked for are in effect"
        : "Not in effect: \(missing.joined(separator: ", "))"
    }
  }

  private func expiryMessage(_ facts: LicenseFacts) -> String {
    guard let expiresAt = facts.expiresAt else { return "The license never expires" }
    guard status == .expired else { return "The license expires at \(expiresAt.iso8601)" }
    let since = "The license has expired at \(expiresAt.iso8601)"
    return facts.keepsAccess ? "\(since); its policy allows access all the same" : since
  }

  private func machineMessage(_ facts: LicenseFacts, _ finding: Finding) -> String {
    guard question.fingerprint != nil else {
      return facts.terms.requiresFingerprint
        ? "The policy requires a fingerprint, and none was sent"
        : "No fingerprint was sent, and the policy requires none"
    }
    let taken = facts.machinesMax.map { "\(facts.machineCount) of \($0) machines are active" }
    let count = taken ?? "\(facts.machineCount) machines are active, and any number may be"
    guard let machine = facts.machine else {
      return "No active machine of the license has the fingerprint; \(count)"
    }
    return "The fingerprint is that of machine \(machine.id); \(count)"
  }

  private func heartbeatMessage(_ facts: LicenseFacts, _ finding: Finding) -> String {
    let terms = facts.terms.heartbeat
    if !terms.isLease { return "The policy wants no heartbeats" }
    guard let machine = facts.machine else { return "There is no machine to look at" }
    if let due = terms.due(lastSeen: machine.lastSeen), due < now {
      return "The machine has not been heard of since \(machine.lastSeen.iso8601)"
    }
    guard let last = machine.lastHeartbeat else { return "The machine has sent no heartbeat yet" }
    return "The machine's last heartbeat came at \(last.iso8601)"
  }

  /// What would make a rule that has failed pass.
  private func fix(_ code: ValidateKeyResponse.Code) -> String? {
    switch code {
    case .valid: nil
    case .notFound: "Send the key of a license of this account, and the id of its own product"
    case .banned, .revoked: "This is for good: issue a new license"
    case .suspended: "Reinstate the license"
    case .expired: "Renew the license"
    case .usesExceeded: "Raise maxUsesOverride of the license, or maxUses of its policy"
    case .fingerprintNotFound:
      question.fingerprint == nil
        ? "Send the fingerprint of an activated machine"
        : "Activate the machine: POST /api/v1/machines"
    case .machineLimitExceeded:
      "Deactivate a machine, or raise maxMachinesOverride of the license or maxMachines of its policy"
    case .heartbeatRequired: "Send a heartbeat: POST /api/v1/machines/{id}/heartbeat"
    case .entitlementsMissing: "Attach the entitlements to the license or to its policy"
    }
  }
}
