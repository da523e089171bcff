internal import Changes
internal import Cryptography
internal import EventLoop
public import Faults
internal import LatchkeyOffline
public import Messages
internal import Primitives
public import RPC

extension Signing {
  /// Gives the succession that the root is to sign now: it names all keys of the caller's environment as they are.
  ///
  /// - Throws: ``Fault`` `notFound` when there is no root.
  public func proposeSuccession(
    _ request: ProposeSuccessionRequest,
    _ call: Call
  ) async throws(Fault) -> ProposedSuccession {
    let tenant = try call.requireTenant()
    let keyset = try await keyset(of: tenant)
    guard let root = keyset.root else { throw .noRoot }
    let now = now()
    let unsigned = keyset.unsignedSuccession(by: root, of: tenant, at: now)
    return ProposedSuccession(
      unsigned: String(decoding: unsigned.bytesToSign, as: UTF8.self),
      rootKeyId: root.publicKey.id,
      number: keyset.lastNumber + 1,
      keys: keyset.message(at: now, liveFiles: [:]).keys
    )
  }

  /// Publishes a succession that the root of the caller's environment has signed.
  ///
  /// - Throws: ``Fault`` `notFound` when there is no root; `invalidArgument` when the text is no succession that the root
  ///   has signed; `CONFLICT` when it is older than what is installed, or the keys have changed since it was proposed.
  public func installSuccession(
    _ request: InstallSuccessionRequest,
    _ call: Call
  ) async throws(Fault) -> SigningKeyset {
    let tenant = try call.requireTenant()
    _ = try await keyset(of: tenant)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      var keyset = try await self.keysets.lock(change)
      guard let root = keyset.root else { throw .noRoot }
      keyset.succession = try self.install(request.succession, keyset, root, change)
      let liveFiles = try await self.files.liveCounts(change)
      return keyset.message(at: change.now, liveFiles: liveFiles)
    }
  }

  /// Checks a signed succession against a locked keyset, and writes it.
  @discardableResult
  func install(
    _ text: String,
    _ keyset: StoredKeyset,
    _ root: StoredKeyset.Root,
    _ change: Change
  ) throws(Fault) -> StoredStatement {
    let said: Keyset
    do throws(Refusal) {
      said = try Keyset(parsing: Array(text.utf8), as: .succession, signedBy: root.publicKey)
    } catch {
      throw .invalidSuccession("It is no succession that the root has signed: \(error.message)")
    }
    guard said.accountID == change.tenant.accountID, said.environment == change.tenant.environment
    else { throw .invalidSuccession("It is for another account or environment") }
    guard said.number > keyset.succession?.number ?? 0 else {
      throw .keyConflict("A succession with this number or a higher one is installed")
    }
    let present = keyset.statement(of: change.tenant, at: change.now).keys
    guard Set(said.keys.map(\.publicKey)) == Set(present.map(\.publicKey)),
      said.keys.allSatisfy({ key in
        present.contains { $0.publicKey == key.publicKey && $0.notBefore == key.notBefore }
      })
    else {
      throw .keyConflict("The keys have changed since it was proposed: ask for another to sign")
    }
    let statement = StoredStatement(
      kind: .succession,
      number: said.number,
      contentHash: SHA256.hash(text),
      keyIDs: said.keys.map(\.publicKey.id),
      text: text,
      issuedAt: said.issuedAt
    )
    statements.save(statement, change)
    try change.record(
      "succession.install",
      change.tenant.accountID,
      before: nil,
      after: statement.message(signedBy: root.publicKey.id)
    )
    return statement
  }
}

extension StoredKeyset {
  /// The keys as statements name them, the newest as far as one statement goes.
  func statement(of tenant: Tenant, at now: Timestamp) -> Keyset {
    Keyset(
      accountID: tenant.accountID,
      environment: tenant.environment,
      number: lastNumber + 1,
      issuedAt: now,
      keys: keys.prefix(Keyset.keysMax).map { $0.published(at: now) }
    )
  }

  /// The succession that the root is to sign.
  func unsignedSuccession(
    by root: Root,
    of tenant: Tenant,
    at now: Timestamp
  ) -> UnsignedDocument {
    statement(of: tenant, at: now).unsigned(as: .succession, signer: root.publicKey)
  }
}

extension Fault {
  fileprivate static let noRoot = notFound(
    "There is no root: applications embed the public keys themselves"
  )

  fileprivate static func invalidSuccession(_ message: String) -> Fault {
    .invalid([.init(path: ["succession"], message: message, code: "invalid_string")])
  }
}
