internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
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
  /// The facts of the machine that has the fingerprint are read along.
  ///
  /// - Throws: ``Fault`` `UNAUTHORIZED` when it brings none, or one that no license has.
  func holder(_ call: Call, fingerprint: String? = nil) async throws(Fault) -> LicenseFacts {
    guard let key = call.caller?.licenseKey else {
      throw Fault(.unauthenticated, "This call needs a license key", reason: .unauthorized)
    }
    guard let facts = try await facts(ofKey: key, fingerprint: fingerprint) else {
      throw .noLicenseHasKey
    }
    return facts
  }

  /// Reads the license that a key leads to, together with all that are asked for at the same time.
  ///
  /// The facts of the machine that has the fingerprint are read along.
  func facts(ofKey key: String, fingerprint: String?) async throws(Fault) -> LicenseFacts? {
    for hash in LicenseKey.lookupHashes(of: key).compactMap(Digest.init) {
      let question = KeyQuestion(hash: hash, fingerprint: fingerprint)
      if let facts = try await licenseFacts.load(question) { return facts }
    }
    return nil
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
