internal import Messages
internal import Primitives

/// The rules of validation, in the order in which they are looked at.
///
/// Source: the REST contract, section 3.1: what the vendor decided comes before expiry, and an expired license that
/// keeps its access goes on through the remaining checks.
enum Rule: String, CaseIterable {
  case key, banned, revoked, suspended, expiry, uses, machine, heartbeat, entitlements

  /// All of them, made once.
  static let inOrder = allCases
}

/// How a rule came out.
struct Finding: Equatable {
  enum Outcome: Equatable {
    case passed
    /// What the verdict is, unless an earlier rule has failed.
    case failed(ValidateKeyResponse.Code)
    /// The policy has no such rule, or nothing was asked that it concerns.
    case unasked
  }
  var outcome: Outcome
  /// The number that was compared.
  var current: Int64?
  /// What it was compared with.
  var limit: Int64?

  static let passed = Finding(outcome: .passed)
  static let unasked = Finding(outcome: .unasked)
  static func failed(_ code: ValidateKeyResponse.Code) -> Finding {
    Finding(outcome: .failed(code))
  }
}

/// The judgement on a license at a moment: every rule and how it comes out; pure.
struct Judgement {
  /// What is asked of the license, beside its key.
  struct Question {
    var fingerprint: String?
    /// Codes that must be in effect.
    var entitlements: [String] = []
    /// The product that asks.
    var productID: UUID?
    /// Whether a seat is asked for next: then having one is no condition, and asking is a sign of life.
    var takesSeat = false
  }

  /// The license; nil when none has the key, or not one of the product that asks.
  let facts: LicenseFacts?
  let question: Question
  let now: Timestamp
  /// The license's state at the moment.
  let status: License.Status?

  /// Judges the license that a key leads to.
  ///
  /// - Parameters:
  ///   - facts: What is known of the license; nil when no license has the key.
  ///   - question: What is asked.
  ///   - now: The moment of judgement.
  init(of facts: LicenseFacts?, _ question: Question, at now: Timestamp) {
    let isOther = question.productID.map { $0 != facts?.productID } ?? false
    self.facts = isOther ? nil : facts
    self.question = question
    self.now = now
    status = isOther ? nil : facts?.status(at: now)
  }

  /// The verdict: what the first rule that failed says.
  var verdict: Verdict {
    for rule in Rule.inOrder {
      if case .failed(let code) = finding(rule).outcome {
        return Verdict(isValid: false, code: code)
      }
    }
    return Verdict(isValid: true, code: status == .expired ? .expired : .valid)
  }

  /// How one rule comes out.
  func finding(_ rule: Rule) -> Finding {
    guard let facts else { return rule == .key ? .failed(.notFound) : .unasked }
    switch rule {
    case .key: return .passed
    case .banned: return status == .banned ? .failed(.banned) : .passed
    case .revoked: return status == .revoked ? .failed(.revoked) : .passed
    case .suspended: return status == .suspended ? .failed(.suspended) : .passed
    case .expiry: return expiry(facts)
    case .uses: return uses(facts)
    case .machine: return machine(facts)
    case .heartbeat: return heartbeat(facts)
    case .entitlements: return entitlements(facts)
    }
  }

  private func expiry(_ facts: LicenseFacts) -> Finding {
    if status == .expired { return facts.keepsAccess ? .passed : .failed(.expired) }
    return facts.expiresAt == nil ? .unasked : .passed
  }

  private func uses(_ facts: LicenseFacts) -> Finding {
    guard let max = facts.usesMax else { return .unasked }
    let isLeft = facts.usesCount < Int64(max)
    return Finding(
      outcome: isLeft ? .passed : .failed(.usesExceeded),
      current: facts.usesCount,
      limit: Int64(max)
    )
  }

  /// A fingerprint that is sent is looked at also where the policy needs none.
  private func machine(_ facts: LicenseFacts) -> Finding {
    if question.takesSeat { return .unasked }
    guard question.fingerprint != nil else {
      return facts.terms.requiresFingerprint ? .failed(.fingerprintNotFound) : .unasked
    }
    var finding = Finding(outcome: .passed, current: Int64(facts.machineCount))
    finding.limit = facts.machinesMax.map(Int64.init)
    if facts.machine == nil {
      let isFull = facts.machinesMax.map { facts.machineCount >= $0 } ?? false
      finding.outcome = .failed(isFull ? .machineLimitExceeded : .fingerprintNotFound)
    }
    return finding
  }

  /// Where heartbeats are needed, there must have been one; and no lease may have run out.
  ///
  /// Without a fingerprint, where the policy admits that, there is no machine to look at.
  private func heartbeat(_ facts: LicenseFacts) -> Finding {
    let terms = facts.terms.heartbeat
    guard terms.isLease, !question.takesSeat, let machine = facts.machine else { return .unasked }
    switch machine.heartbeatStatus(on: terms, at: now) {
    case .alive: return .passed
    case .dead: return .failed(.heartbeatRequired)
    case .notStarted: return terms.isRequired ? .failed(.heartbeatRequired) : .passed
    }
  }

  private func entitlements(_ facts: LicenseFacts) -> Finding {
    if question.entitlements.isEmpty { return .unasked }
    return missingEntitlements(facts).isEmpty ? .passed : .failed(.entitlementsMissing)
  }

  /// The codes that are asked for and not in effect; upper and lower case differ.
  func missingEntitlements(_ facts: LicenseFacts) -> [String] {
    question.entitlements.filter { !facts.entitlements.contains($0) }
  }
}

/// What a validation says.
struct Verdict: Equatable {
  /// Whether the license may be used.
  var isValid: Bool
  /// Why, or why not.
  var code: ValidateKeyResponse.Code
}

extension MachineFacts {
  /// Whether the machine is alive at a moment.
  func heartbeatStatus(on terms: HeartbeatTerms, at now: Timestamp) -> Machine.HeartbeatStatus {
    terms.status(lastHeartbeat: lastHeartbeat, lastSeen: lastSeen, at: now)
  }
}
