internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import HTTP
internal import Messages
internal import Postgres
internal import Primitives
internal import RPC

/// On whose behalf a call about machines is made.
enum Requester {
  /// An API key: all that is the tenant's.
  case vendor(Tenant)
  /// A license key: the license that it leads to, and its machines.
  case holder(LicenseFacts)

  /// Whose data the call may touch.
  var tenant: Tenant {
    switch self {
    case .vendor(let tenant): tenant
    case .holder(let license): license.tenant
    }
  }

  /// The only license that the call may touch; nil for any of the tenant's.
  var license: UUID? {
    if case .holder(let license) = self { return license.id }
    return nil
  }

  /// Who the audit log says it was.
  @EventLoop func origin(_ call: Call) -> Origin {
    switch self {
    case .vendor: Origin(call)
    case .holder(let license): Origin(call, holderOf: license.id)
    }
  }

  /// Refuses a holder whose license is in no state to be used; a vendor may do all in any state.
  ///
  /// - Throws: ``Fault`` `LICENSE_SUSPENDED` and the like.
  func requireUsable(at now: Timestamp) throws(Fault) {
    guard case .holder(let license) = self else { return }
    try license.status(at: now).requireUsable(keepsAccess: license.keepsAccess)
  }
}

extension Licenses {
  /// Finds out on whose behalf a call is made.
  ///
  /// - Throws: ``Fault`` `UNAUTHORIZED` when it brings no credential, or a key that no license has.
  func requester(_ call: Call) async throws(Fault) -> Requester {
    guard call.caller?.licenseKey != nil else { return .vendor(try call.requireTenant()) }
    return .holder(try await holder(call))
  }

  /// Reads the license whose key a call brings.
  ///
  /// The facts of the machine that has the fingerprint are read along. The license's account travels in a trailer, as
  /// the gateway cannot know it.
  ///
  /// - Throws: ``Fault`` `UNAUTHORIZED` when it brings none, or one that no license has.
  func holder(_ call: Call, fingerprint: String? = nil) async throws(Fault) -> LicenseFacts {
    guard let key = call.caller?.licenseKey else {
      throw Fault(.unauthenticated, "This call needs a license key", reason: .unauthorized)
    }
    guard let facts = try await facts(ofKey: key, fingerprint: fingerprint) else {
      throw .noLicenseHasKey
    }
    call.trailers.append("latchkey-account", facts.value.tenant.accountID.description)
    return facts.value
  }

  /// Finds what is known of the license that a key leads to, without a task; otherwise as ``facts(ofKey:fingerprint:)``.
  func findFacts(
    ofKey key: String,
    fingerprint: String?,
    _ receive: @escaping @EventLoop (Result<Boxed<LicenseFacts>?, Fault>) -> Void
  ) {
    let (first, second) = questions(aboutKey: key, fingerprint)
    guard let first else { return receive(.success(nil)) }
    licenseFacts.load(first) { [self] outcome in
      guard case .success(nil) = outcome, let second else { return receive(outcome) }
      licenseFacts.load(second, receive)
    }
  }

  /// Reads the license that a key leads to, together with all that are asked for at the same time.
  ///
  /// The facts of the machine that has the fingerprint are read along.
  func facts(
    ofKey key: String,
    fingerprint: String?
  ) async throws(Fault) -> Boxed<LicenseFacts>? {
    let (first, second) = questions(aboutKey: key, fingerprint)
    guard let first else { return nil }
    if let facts = try await licenseFacts.load(first) { return facts }
    guard let second else { return nil }
    return try await licenseFacts.load(second)
  }

  /// What there is to ask about a key as it was typed, the likelier first; lent without arrays, since validations do so.
  private func questions(
    aboutKey key: String,
    _ fingerprint: String?
  ) -> (KeyQuestion?, KeyQuestion?) {
    LicenseKey.withLookupHashes(of: key) { first, second in
      (
        Digest(first).map { KeyQuestion(hash: $0, fingerprint: fingerprint) },
        second.flatMap { Digest($0) }.map { KeyQuestion(hash: $0, fingerprint: fingerprint) }
      )
    }
  }
}

extension Fault {
  /// A license key was brought as the credential that leads nowhere; it is not repeated.
  static let noLicenseHasKey = Fault(
    .unauthenticated,
    "No license has this key",
    reason: .unauthorized
  )
}

extension Origin {
  /// Whoever holds the key of a license.
  @EventLoop init(_ call: Call, holderOf license: UUID) {
    self.init(call)
    kind = .licenseKey
    actorID = license.description
  }
}
