import Cryptography
import EventLoop
import Faults
import LatchkeyOffline
import Messages
import Primitives
import RPC
import Stubs
import TestKit

extension SigningFixture {
  func keyset() async throws -> SigningKeyset {
    try await gateway.getKeyset(GetKeysetRequest(), options)
  }

  /// The only key in a state.
  func key(_ state: SigningKey.State) async throws -> SigningKey {
    let keys = try await keyset().keys.filter { $0.state == state }
    guard keys.count == 1, let key = keys.first else {
      throw Fault(.internalError, "\(keys.count) keys are \(state)")
    }
    return key
  }

  @discardableResult
  func rotate(overlap: Int32? = nil, force: Bool? = nil) async throws -> SigningKeyset {
    try await gateway.rotateSigningKey(
      RotateSigningKeyRequest(overlapSeconds: overlap, force: force),
      options
    )
  }

  @discardableResult
  func retire(_ key: SigningKey, force: Bool? = nil, revoke: Bool? = nil) async throws
    -> SigningKeyset
  {
    try await gateway.retireSigningKey(
      RetireSigningKeyRequest(id: key.id, force: force, revoke: revoke, reason: "a test"),
      options
    )
  }

  /// Has a root made.
  @discardableResult
  func root(replace: Bool? = nil, publicKey: String? = nil) async throws -> SigningRoot {
    try await gateway.createSigningRoot(
      CreateSigningRootRequest(publicKey: publicKey, replace: replace),
      options
    )
  }

  /// The private half of a root that was made, as its owner keeps it.
  func privateHalf(of root: SigningRoot) throws -> Ed25519PrivateKey {
    guard var seed = root.privateKey.flatMap({ Base64.decode($0) }) else {
      throw Fault(.internalError, "The root came without its private half")
    }
    return Ed25519PrivateKey(seed: SecretBytes(wiping: &seed))
  }

  /// Signs the proposed succession away from the server, and installs it.
  @discardableResult
  func renewSuccession(by root: Ed25519PrivateKey) async throws -> SigningKeyset {
    try await install(try await signedSuccession(by: root))
  }

  /// The proposed succession, signed away from the server.
  func signedSuccession(by root: Ed25519PrivateKey) async throws -> String {
    let proposed = try await gateway.proposeSuccession(ProposeSuccessionRequest(), options)
    return try Succession.sign(proposed.unsigned, by: root)
  }

  @discardableResult
  func install(_ succession: String) async throws -> SigningKeyset {
    try await gateway.installSuccession(
      InstallSuccessionRequest(succession: succession),
      options
    )
  }

  /// Says what has become of a license, as the licenses service does.
  func note(_ license: UUID, isBarred: Bool, sequence: Int64 = 1) async throws {
    try await note(license, sequence: sequence) { $0.isBarred = isBarred }
  }

  func note(
    _ license: UUID,
    sequence: Int64 = 1,
    _ change: (inout NoteStandingsRequest.Standing) -> Void
  ) async throws {
    var standing = NoteStandingsRequest.Standing(
      accountId: tenant.accountID.description,
      environment: tenant.environment == .live ? .live : .test,
      licenseId: license.description,
      sequence: sequence,
      notedAt: clock.now.milliseconds
    )
    change(&standing)
    _ = try await licenses.noteStandings(NoteStandingsRequest(standings: [standing]))
  }

  /// The files of a license, newest first.
  func files(_ license: UUID, of tenant: Tenant? = nil) async throws -> [IssuedFile] {
    let tenant = tenant ?? self.tenant
    return try await licenses.listFiles(
      ListFilesRequest(
        accountId: tenant.accountID.description,
        environment: tenant.environment == .live ? .live : .test,
        licenseId: license.description
      )
    ).data
  }

  /// Revokes files, as the licenses service does when it is asked to.
  @discardableResult
  func revoke(
    _ license: UUID,
    serial: Int64? = nil,
    fingerprint: String? = nil,
    of tenant: Tenant? = nil
  ) async throws -> RevokedLicenseFiles {
    let tenant = tenant ?? self.tenant
    return try await licenses.revokeFiles(
      RevokeFilesRequest(
        accountId: tenant.accountID.description,
        environment: tenant.environment == .live ? .live : .test,
        licenseId: license.description,
        serial: serial,
        fingerprint: fingerprint,
        reason: "lost",
        actor: AuditEvent.Actor(kind: .apiKey, id: "key-1")
      )
    )
  }

  /// The serials on the published list, as a verifier reads them that trusts the active key.
  func revokedSerials() async throws -> [Int64] {
    let document = try await gateway.getRevocationsDocument(
      PublishedRequest(account: tenant.accountID.description)
    )
    guard let list = document.lists.first,
      let active = Ed25519PublicKey(text: try await key(.active).publicKey)
    else { throw Fault(.internalError, "There is no list") }
    return try RevocationList(
      parsing: Array(list.revocations.utf8),
      trusting: TrustedKeys([active]),
      at: clock.now
    ).serials
  }
}
