internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import LatchkeyOffline
internal import Messages
internal import Postgres
internal import Primitives
internal import Protobuf
internal import RPC
internal import Stubs
internal import Transcoding

/// Has license files signed: this service says what is in them, the signing service numbers, records and signs them.
///
/// The license's file secret stays here. What goes out seals the payload of one machine's files and nothing else. Files of a
/// tenant that are asked for within one tick go out in one call, and come back from one transaction.
@EventLoop
final class FileMaker {
  /// Below what REST callers wait for, so that they see a clear answer.
  private static let timeout = Duration.seconds(5)
  /// The most files of one call: some milliseconds of signing.
  ///
  /// More of them only drive each other out of the caches.
  private static let batchFilesMax = 64

  private let signing: SigningClient
  private let orders: Batcher<FileOrder, Result<SignedLicenseFile, Fault>>
  private let licensePlan = ResponsePlan(License.schema, omitsSecrets: true)
  private let policyPlan = ResponsePlan(Policy.schema, omitsSecrets: true)

  init(_ channel: Channel) {
    let signing = SigningClient(channel)
    self.signing = signing
    orders = Batcher("license files", keysMax: Self.batchFilesMax) { (orders) async throws(Fault) in
      let outcomes = await forEachTenant(orders, \.tenant) { (tenant, orders) async throws(Fault) in
        try await FileOrder.carryOut(orders, for: tenant, by: signing, within: Self.timeout)
      }
      // What went wrong for all of a tenant's, or for the one.
      return outcomes.mapValues { $0.flatMap(\.self) }
    }
  }

  /// Makes a license file.
  ///
  /// - Parameters:
  ///   - terms: For how long.
  ///   - license: The license as it is now.
  ///   - policy: Its policy.
  ///   - machine: Its machine that has the fingerprint, if one has.
  ///   - fingerprint: The machine that the file is for.
  ///   - secret: The license's file secret; the caller wipes it.
  ///   - requester: On whose behalf.
  ///   - call: Who asks.
  /// - Returns: The file, and what is known of it.
  /// - Throws: ``Fault`` `unavailable` when the signing service cannot be reached; then there may be a file that nobody has.
  func make(
    _ terms: CheckOut,
    of license: License,
    on policy: Policy,
    for machine: Machine?,
    fingerprint: String,
    sealedBy secret: [UInt8],
    _ requester: Requester,
    _ call: Call
  ) async throws(Fault) -> CheckedOutLicense {
    var license = license
    license.policy = nil
    license.machines = machine.map { [$0] } ?? []
    let origin = requester.origin(call)
    let order = FileOrder(
      for: requester.tenant,
      LicenseFileOrder(
        licenseId: license.id,
        productId: license.productId,
        machineId: machine?.id,
        fingerprint: fingerprint,
        entitlements: license.entitlements,
        maxMachines: (license.maxMachinesOverride ?? policy.maxMachines).map(Int64.init),
        licenseExpiresAt: license.expiresAt,
        ttlSeconds: Int32(clamping: terms.seconds),
        endsAt: terms.endsAt?.milliseconds,
        license: try licensePlan.json(encoded(license), isEnveloped: false),
        policy: try policyPlan.json(encoded(policy), isEnveloped: false),
        payloadKey: FileSecret.payloadKey(of: secret, fingerprint: fingerprint),
        actor: AuditEvent.Actor(kind: origin.kind, id: origin.actorID),
        requestId: origin.requestID,
        clientAddress: origin.clientAddress
      )
    )
    let signed = try await reaching { () async throws(Fault) in
      guard let outcome = try await orders.load(order) else {
        throw .internalError("The signing service has left out a file")
      }
      return try outcome.get()
    }
    license.policy = policy
    let file = signed.file
    return CheckedOutLicense(
      certificate: signed.certificate,
      license: license,
      fingerprint: fingerprint,
      ttl: Int32(clamping: (file.expiresAt - file.issuedAt) / 1_000),
      expiresAt: file.expiresAt,
      serial: file.serial,
      keyId: file.keyId,
      machineId: machine?.id
    )
  }

  /// Lists the files of a license.
  func list(
    _ request: ListLicenseFilesRequest,
    for tenant: Tenant
  ) async throws(Fault) -> LicenseFiles {
    let question = ListFilesRequest(
      accountId: tenant.accountID.description,
      environment: tenant.environment == .live ? .live : .test,
      licenseId: request.id,
      cursor: request.cursor,
      limit: request.limit
    )
    return try await reaching { () async throws(Fault) in
      try await signing.listFiles(question, CallOptions(timeout: Self.timeout))
    }
  }

  /// Revokes files of a license.
  func revoke(
    _ request: RevokeLicenseFilesRequest,
    for tenant: Tenant,
    by origin: Origin
  ) async throws(Fault) -> RevokedLicenseFiles {
    let order = RevokeFilesRequest(
      accountId: tenant.accountID.description,
      environment: tenant.environment == .live ? .live : .test,
      licenseId: request.id,
      serial: request.serial,
      fingerprint: request.fingerprint,
      reason: request.reason,
      actor: AuditEvent.Actor(kind: origin.kind, id: origin.actorID),
      requestId: origin.requestID,
      clientAddress: origin.clientAddress
    )
    return try await reaching { () async throws(Fault) in
      try await signing.revokeFiles(order, CallOptions(timeout: Self.timeout))
    }
  }

  /// Tells the signing service what has become of licenses, machines and files.
  func tell(_ notices: [FileNotice]) async throws(Fault) {
    let standings = notices.map(\.standing)
    _ = try await signing.noteStandings(
      NoteStandingsRequest(standings: standings),
      CallOptions(timeout: Self.timeout)
    )
  }

  private func encoded(_ message: some ContractMessage) -> [UInt8] {
    var bytes: [UInt8] = []
    message.encode(appendingTo: &bytes)
    return bytes
  }

  private func reaching<T>(_ body: () async throws(Fault) -> T) async throws(Fault) -> T {
    do throws(Fault) {
      return try await body()
    } catch {
      guard error.code == .unavailable || error.code == .deadlineExceeded else { throw error }
      throw Fault(
        .unavailable,
        "License files are not available at the moment; try again in a few seconds",
        reason: .serviceUnavailable,
        detail: error.detail ?? error.message
      )
    }
  }
}
