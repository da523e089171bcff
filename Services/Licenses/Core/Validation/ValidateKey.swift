internal import Changes
internal import Cryptography
internal import Faults
internal import HTTP
public import Messages
internal import Postgres
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Says whether a license key may be used, and why not; a valid answer is a use of the license.
  ///
  /// The account that the answer is to be signed for travels in a trailer: the license's, or when no license
  /// has the key, the only one that issues keys with its prefix. Without the trailer it is the gateway's to
  /// decide.
  ///
  /// Fails with ``Fault`` `UNAUTHORIZED` when an explanation is asked for without an API key, `FORBIDDEN` when that may
  /// neither validate nor read licenses; with `CONFLICT` when the
  /// `Idempotency-Key` was used for another request.
  public func validateKey(
    _ request: ValidateKeyRequest,
    _ call: Call,
    _ reply: Reply<ValidateKeyResponse>
  ) {
    do throws(Fault) {
      let question = try Judgement.Question(request)
      let vendor = request.explain == true ? try vendor(call) : nil
      // Not the whole request: what a closure holds is copied with each of its texts.
      let key = request.key
      findFacts(ofKey: key, fingerprint: question.fingerprint) { [self] outcome in
        guard reply.isAwaited else { return }
        do throws(Fault) {
          let found = try outcome.get()
          guard let facts = found, vendor == nil else {
            return reply.inTask { () async throws(Fault) in
              try await self.answer(found, question, to: vendor, keyed: key, call)
            }
          }
          call.trailers.append("latchkey-account") {
            facts.value.tenant.accountID.append(to: &$0)
          }
          if let answer = validateNow(facts.value, question, call) { return reply.answer(answer) }
          reply.inTask { () async throws(Fault) in
            try await self.validateByWriting(facts, question, call)
          }
        } catch {
          reply.fail(error)
        }
      }
    } catch {
      reply.fail(error)
    }
  }

  /// Who asks for an explanation.
  ///
  /// - Throws: ``Fault`` `unauthenticated` without an API key; `permissionDenied` when it may neither validate nor read
  ///   licenses.
  private func vendor(_ call: Call) throws(Fault) -> Tenant {
    let tenant = try call.requireTenant()
    let admitted = ["*", "licenses:validate", "licenses:read"]
    guard call.caller?.scopes.contains(where: admitted.contains) == true else {
      throw Fault(
        .permissionDenied,
        "An explanation needs the scope licenses:validate or licenses:read",
        reason: .forbidden
      )
    }
    return tenant
  }

  /// Explains, or answers about a key that no license has, for which its account is looked up.
  private func answer(
    _ facts: Boxed<LicenseFacts>?,
    _ question: Judgement.Question,
    to vendor: Tenant?,
    keyed key: String,
    _ call: Call
  ) async throws(Fault) -> ValidateKeyResponse {
    var account = facts?.value.tenant.accountID
    if account == nil { account = try await owner(ofKey: key) }
    if let account { call.trailers.append("latchkey-account", account.description) }
    if let vendor { return explain(facts?.value, question, to: vendor) }
    return ValidateKeyResponse(
      Judgement(of: nil, question, at: now()),
      Verdict(isValid: false, code: .notFound),
      usesCount: 0
    )
  }

  /// Whose keys begin as this one does, if exactly one account's do.
  private func owner(ofKey key: String) async throws(Fault) -> UUID? {
    guard let prefix = LicenseKey.parse(key)?.prefix else { return nil }
    return try await prefixOwners.load(prefix)
  }

  /// Says how every rule comes out.
  ///
  /// A look that leaves no trace: no use is counted, and nothing is activated.
  private func explain(
    _ facts: LicenseFacts?,
    _ question: Judgement.Question,
    to vendor: Tenant
  ) -> ValidateKeyResponse {
    let own = facts?.tenant == vendor ? facts : nil
    let judgement = Judgement(of: own, question, at: now())
    var answer = ValidateKeyResponse(
      judgement,
      judgement.verdict,
      usesCount: own.map(usesCount) ?? 0
    )
    answer.explanation = judgement.explanation
    return answer
  }

  /// Validates where nothing has to be written before the answer, as with most validations; nil where something has.
  ///
  /// It cannot suspend, so that what it works with does not make the frames of the functions larger that do: large ones
  /// are dear to get.
  private func validateNow(
    _ facts: LicenseFacts?,
    _ question: Judgement.Question,
    _ call: Call
  ) -> ValidateKeyResponse? {
    let now = now()
    let judgement = Judgement(of: facts, question, at: now)
    let verdict = judgement.verdict
    guard let facts = judgement.facts else {
      return ValidateKeyResponse(judgement, verdict, usesCount: 0)
    }
    guard call.caller?.idempotencyKey == nil else { return nil }
    var uses = facts.usesCount
    if verdict.isValid {
      guard facts.isActivated, facts.usesMax == nil else { return nil }
      uses += tally.countUse(of: facts.id, for: facts.tenant, at: now)
    } else {
      uses = usesCount(facts)
      tally.count(verdict, for: facts.tenant, at: now)
    }
    let answer = ValidateKeyResponse(judgement, verdict, usesCount: uses)
    tell(answer, of: facts, at: now)
    return answer
  }

  /// Tells of a validation, where somebody is sent that.
  func tell(_ answer: ValidateKeyResponse, of facts: LicenseFacts, at now: Timestamp) {
    let type: EventType = answer.valid ? .validationSuccess : .validationFailed
    onDemand.note(type, answer, license: facts.id, for: facts.tenant, at: now)
  }

  /// Validates where something has to be written before the answer.
  private func validateByWriting(
    _ facts: Boxed<LicenseFacts>?,
    _ question: Judgement.Question,
    _ call: Call
  ) async throws(Fault) -> ValidateKeyResponse {
    let now = now()
    let judgement = Judgement(of: facts?.value, question, at: now)
    var verdict = judgement.verdict
    guard let facts = judgement.facts else {
      return ValidateKeyResponse(judgement, verdict, usesCount: 0)
    }
    if call.caller?.idempotencyKey != nil || (verdict.isValid && !facts.isActivated) {
      return try await validateUnderLock(facts, question, call)
    }
    var uses = usesCount(facts)
    if verdict.isValid {
      if let counted = try await countUse(facts) {
        uses = counted
      } else {
        // The last one went to somebody else since the facts were read.
        verdict = Verdict(isValid: false, code: .usesExceeded)
      }
    }
    tally.count(verdict, for: facts.tenant, at: now)
    let answer = ValidateKeyResponse(judgement, verdict, usesCount: uses)
    tell(answer, of: facts, at: now)
    return answer
  }

  /// Counts a use of a license with a limit before it is answered.
  ///
  /// - Returns: How many the license has had then; nil when none was left.
  private func countUse(_ facts: LicenseFacts) async throws(Fault) -> Int64? {
    try await limitedUses.load(uses.next(facts.tenant, facts.id))?.get()
  }

  /// How often a license has been used: what its row says, and what this process has not written yet.
  func usesCount(_ facts: LicenseFacts) -> Int64 {
    facts.usesCount + tally.unwrittenUses(of: facts.id, for: facts.tenant)
  }
}

extension Judgement.Question {
  fileprivate init(_ request: ValidateKeyRequest) throws(Fault) {
    self.init(fingerprint: request.fingerprint, entitlements: request.entitlements)
    if let product = request.productId { productID = try UUID(checked: product) }
  }
}
