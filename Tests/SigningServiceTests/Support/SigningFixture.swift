import Changes
import Cryptography
import EventLoop
import Faults
import LatchkeyOffline
import Messages
import Postgres
import Primitives
import RPC
import Sealing
import SigningService
import Stubs
import TestKit

/// The signing service over RPC with mutual TLS, on a database of its own.
@EventLoop
final class SigningFixture {
  let test: TestDatabase
  let rpc: ServedRPC
  let clock: TestClock
  /// The tenant that most tests act for.
  let tenant = Tenant(accountID: .v7(), environment: .test)
  private let masterKeys: MasterKeys
  /// What the service seals by.
  let dataKeys: DataKeyStore

  private init(
    _ test: TestDatabase,
    _ rpc: ServedRPC,
    _ clock: TestClock,
    _ masterKeys: MasterKeys,
    _ dataKeys: DataKeyStore
  ) {
    self.test = test
    self.rpc = rpc
    self.clock = clock
    self.masterKeys = masterKeys
    self.dataKeys = dataKeys
  }

  static func with(_ body: @EventLoop (SigningFixture) async throws -> Void) async throws {
    let changes = TestDatabase.Schema(Changes.schemaName, Changes.migrations)
    let schema = TestDatabase.Schema("signing", Signing.migrations)
    try await TestDatabase.with(changes, schema) { test in
      let clock = TestClock()
      let masterKeys = MasterKeys.random()
      let signing = Signing(
        database: test.open(as: "latchkey_signing"),
        masterKeys: masterKeys,
        now: { clock.now }
      )
      try await ServedRPC.with("signing", register: { signing.register(on: $0) }) { rpc in
        try await body(SigningFixture(test, rpc, clock, masterKeys, signing.dataKeys))
      }
    }
  }

  /// As the gateway calls it.
  var gateway: SigningClient { get throws { SigningClient(try rpc.channel(as: "gateway")) } }
  /// As the licenses service calls it.
  var licenses: SigningClient { get throws { SigningClient(try rpc.channel(as: "licenses")) } }

  /// What the gateway sends along for a request with an API key of the tenant.
  var options: CallOptions { options() }

  func options(_ tenant: Tenant? = nil, scopes: [String] = ["*"]) -> CallOptions {
    let tenant = tenant ?? self.tenant
    return CallOptions(
      caller: Caller(
        accountId: tenant.accountID.description,
        environment: tenant.environment == .live ? .live : .test,
        actorKind: .apiKey,
        actorId: "key-1",
        scopes: scopes
      )
    )
  }

  /// A file as the licenses service orders it.
  func order(
    license: UUID = .v7(),
    fingerprint: String = "machine-1",
    _ change: (inout LicenseFileOrder) -> Void = { _ in }
  ) -> LicenseFileOrder {
    var order = LicenseFileOrder(
      licenseId: license.description,
      productId: UUID.v7().description,
      fingerprint: fingerprint,
      entitlements: ["export_pdf"],
      ttlSeconds: 1_209_600,
      license: Array(#"{"id":"l"}"#.utf8),
      policy: Array(#"{"id":"p"}"#.utf8),
      payloadKey: FileSecret.payloadKey(of: Self.fileSecret, fingerprint: fingerprint),
      actor: AuditEvent.Actor(kind: .apiKey, id: "key-1")
    )
    change(&order)
    return order
  }

  /// The secret of the license key that all requests are made for.
  static let licenseKey = "ATL-7QF2-M9XK-T4RD-W8HB"
  static var fileSecret: [UInt8] { LicenseKey.fileSecret(of: licenseKey) }

  /// Has a file signed.
  @discardableResult
  func sign(
    license: UUID = .v7(),
    fingerprint: String = "machine-1",
    _ change: (inout LicenseFileOrder) -> Void = { _ in }
  ) async throws -> SignedLicenseFile {
    try await sign([order(license: license, fingerprint: fingerprint, change)])[0]
  }

  /// Has files signed in one call; all must be.
  func sign(_ orders: [LicenseFileOrder]) async throws -> [SignedLicenseFile] {
    try await outcomes(of: orders).map { outcome in
      guard let signed = outcome.signed else {
        let reason = outcome.refusal?.reason.flatMap { Fault.Reason(rawValue: $0) }
        throw Fault(.failedPrecondition, outcome.refusal?.message ?? "", reason: reason)
      }
      return signed
    }
  }

  /// Asks for files in one call.
  func outcomes(of orders: [LicenseFileOrder]) async throws -> [SignedLicenseFiles.Outcome] {
    try await licenses.signLicenseFiles(
      SignLicenseFilesRequest(
        accountId: tenant.accountID.description,
        environment: tenant.environment == .live ? .live : .test,
        orders: orders
      )
    ).outcomes
  }

  /// Has many files on record that were revoked and end within the hour, without signing each.
  func makeRevokedFiles(count made: Int) async throws {
    let now = clock.now
    let last = try await self.count("select last_serial from signing.keysets")
    try await test.open().query(
      """
      insert into signing.license_files (account_id, environment, serial, id, license_id, fingerprint_sha256, key_id,
        issued_at, expires_at, revoked_at)
      select \(tenant.accountID), 'test', \(Int64(last)) + n, gen_random_uuid(), gen_random_uuid(), sha256('x'), 'k',
        \(now), \(now + .seconds(3_600)), \(now)
      from generate_series(1, \(Int64(made))) n
      """
    )
    try await test.open().query(
      "update signing.keysets set last_serial = \(Int64(last + made))"
    )
  }

  /// A verifier that embeds public keys.
  func verifier(_ keys: [String]) throws -> Verifier {
    Verifier(keys: TrustedKeys(keys.compactMap { Ed25519PublicKey(text: $0) }))
  }

  /// A verifier that embeds nothing but a root.
  func verifier(root: SigningRoot) async throws -> Verifier {
    let document = try await gateway.getKeysDocument(
      PublishedRequest(account: tenant.accountID.description)
    )
    let published = PublishedKeys(
      accountID: tenant.accountID,
      entries: document.keysets.map { entry in
        PublishedKeys.Entry(
          environment: entry.environment == .live ? .live : .test,
          succession: entry.succession,
          keyset: entry.keyset,
          revocations: entry.revocations
        )
      }
    )
    guard let key = Ed25519PublicKey(text: root.publicKey) else {
      throw Fault(.internalError, "The root is no public key")
    }
    let keys = try TrustedKeys(root: key, published: published, at: clock.now)
    var verifier = Verifier(keys: keys)
    if let text = keys.publishedRevocations {
      verifier.revocations = try RevocationList(
        parsing: Array(text.utf8),
        trusting: keys,
        at: clock.now
      )
    }
    return verifier
  }

  /// The result of checking a file.
  func verdict(_ file: SignedLicenseFile, by verifier: Verifier) -> Verdict {
    verifier.verify(Array(file.certificate.utf8), at: clock.now).verdict
  }

  /// The actions in the audit log, in their order.
  func audited() async throws -> [AuditEvent] {
    let rows = try await test.open().read("select entry from changes.audit_entries order by id")
    return try rows.map { row in
      let entry: [UInt8] = try row.value(0)
      return try entry.withUnsafeBytes { try AuditEvent(decoding: $0) }
    }
  }

  /// One number that the database knows.
  func count(_ query: Query) async throws -> Int {
    try await test.open().read(query).single().value(0)
  }
}

/// The fault that a call ends with; fails the test when it ends well.
@EventLoop
func fault<T>(_ body: @EventLoop () async throws -> T) async throws -> Fault {
  do {
    _ = try await body()
  } catch let fault as Fault {
    return fault
  }
  throw Fault(.internalError, "The call ended well")
}
