internal import Changes
internal import Cryptography
internal import EventLoop
public import Faults
public import Messages
internal import Postgres
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Makes a license file for one machine, which need not be active and takes no seat.
  ///
  /// Nothing is written here but the answer to an `Idempotency-Key`: the file and its line in the audit log are the
  /// signing service's.
  ///
  /// - Throws: ``Fault`` `notFound` when the caller has no such license; `LICENSE_SUSPENDED` and the like when it is in
  ///   no state to be used; `BUSINESS_RULE_VIOLATION` when its policy admits no files, when a license key asks for a
  ///   machine that is not active, or when it takes the license key to make a file and an API key asks; `unavailable`
  ///   when the signing service cannot be reached.
  public func checkOutLicense(
    _ request: CheckOutLicenseRequest,
    _ call: Call
  ) async throws(Fault) -> CheckedOutLicense {
    let requester = try await requester(call)
    let question = CheckOutQuestion(
      tenant: requester.tenant,
      license: try UUID(checked: request.id),
      fingerprint: request.fingerprint
    )
    if let own = requester.license, own != question.license {
      throw .notFound("License not found: \(request.id)")
    }
    // Without a key there is nothing to write, so no transaction is begun.
    guard call.caller?.idempotencyKey != nil else {
      return try await checkOut(question, ttl: request.ttl, requester, call)
    }
    return try await changes.make(call, for: requester.tenant, by: requester.origin(call)) {
      (_) async throws(Fault) in
      try await checkOut(question, ttl: request.ttl, requester, call)
    }
  }

  private func checkOut(
    _ question: CheckOutQuestion,
    ttl: Int32?,
    _ requester: Requester,
    _ call: Call
  ) async throws(Fault) -> CheckedOutLicense {
    guard let facts = try await checkOutFacts.load(question)?.get().value else {
      throw .notFound("License not found: \(question.license)")
    }
    let terms = try CheckOut(of: facts.license, on: facts.policy, wished: ttl.map(Int64.init))
    if requester.license != nil, facts.machine == nil {
      throw .businessRule(
        "The license has no active machine with this fingerprint; activate it first"
      )
    }
    var secret = try fileSecret(
      of: question.license,
      sealed: facts.sealedFileSecret,
      openedBy: facts.dataKey,
      call
    )
    defer { wipe(&secret) }
    return try await files.make(
      terms,
      of: facts.license,
      on: facts.policy,
      for: facts.machine,
      fingerprint: question.fingerprint,
      sealedBy: secret,
      requester,
      call
    )
  }

  /// What the payload keys of a license's files come from: as it is kept, else of the license key that the call brings.
  ///
  /// - Returns: 32 bytes; wipe them after use.
  /// - Throws: ``Fault`` `BUSINESS_RULE_VIOLATION` when there is neither.
  func fileSecret(
    of license: UUID,
    sealed: [UInt8]?,
    openedBy dataKey: DataKey?,
    _ call: Call
  ) throws(Fault) -> [UInt8] {
    if let sealed {
      guard let dataKey else {
        throw Fault(
          .dataLoss,
          "Stored data could not be read",
          reason: .internalError,
          detail: "license \(license) is sealed by a data key that is not there"
        )
      }
      return try LicenseSecrets.fileSecret(sealed: sealed, license: license, openedBy: dataKey)
    }
    guard let key = call.caller?.licenseKey else {
      throw .businessRule(
        """
        The key of this license was never known here: it was imported by its hash. Its files are made with \
        `Authorization: License` and the key
        """
      )
    }
    return LicenseKey.fileSecret(of: key)
  }
}
