internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import LatchkeyOffline
internal import Messages
internal import Primitives

/// Keeps what is published up to date: a statement is signed anew when it would say something else, and once a day.
///
/// So who asks gets the same bytes as long as nothing changes, on every replica, and asking costs no signature.
@EventLoop
final class Publisher {
  /// After what time a statement is signed anew though nothing has changed, so that its date tells that it is looked
  /// after.
  nonisolated static let freshness = Duration.seconds(24 * 60 * 60)

  private let keysets: KeysetStore
  private let files: FileStore
  private let statements: StatementStore
  private let privateKeys: PrivateKeys
  private let changes: Changes
  private let now: @Sendable () -> Timestamp

  init(
    keysets: KeysetStore,
    files: FileStore,
    statements: StatementStore,
    privateKeys: PrivateKeys,
    changes: Changes,
    now: @escaping @Sendable () -> Timestamp
  ) {
    self.keysets = keysets
    self.files = files
    self.statements = statements
    self.privateKeys = privateKeys
    self.changes = changes
    self.now = now
  }

  /// What the active key says of a tenant's keys and of its revoked files.
  struct Published {
    /// What the root has signed.
    var succession: StoredStatement?
    /// What has become of the keys since; nil where the succession does not name the key that signs, since no verifier
    /// would accept it.
    var keyset: StoredStatement?
    /// The revoked files.
    var revocations: StoredStatement
    /// Whether the succession names the key that signs.
    var isVouched: Bool
  }

  /// What is published of a tenant now.
  ///
  /// - Returns: Nil when it has no keys.
  func current(_ tenant: Tenant) async throws(Fault) -> Published? {
    let now = now()
    guard let keyset = try await keysets.get(tenant) else { return nil }
    let stored = try await statements.all(tenant)
    let revoked = try await files.revokedSerials(tenant, at: now, max: RevocationList.serialsMax)
    let wanted = try Wanted(keyset, revoked: revoked, at: now)
    if let published = wanted.published(among: stored, at: now) { return published }
    return try await renew(tenant)
  }

  private func renew(_ tenant: Tenant) async throws(Fault) -> Published {
    try await changes.makeUnasked(for: tenant) { (change) async throws(Fault) in
      var keyset = try await self.keysets.lock(change)
      var stored = try await self.statements.all(change)
      let revoked = try await self.files.revokedSerials(change, max: RevocationList.serialsMax)
      let wanted = try Wanted(keyset, revoked: revoked, at: change.now)
      // Somebody else may have been first.
      if let published = wanted.published(among: stored, at: change.now) { return published }
      let active = try keyset.active(at: change.now)
      let key = try await self.privateKeys.open(active.sealed, of: tenant)
      for kind in wanted.outdated(among: stored, at: change.now) {
        let unsigned = try wanted.unsigned(kind, keyset, of: tenant, at: change.now)
        keyset.lastNumber += 1
        let statement = StoredStatement(
          kind: kind,
          number: keyset.lastNumber,
          contentHash: wanted.hash(of: kind),
          keyIDs: kind == .keyset ? keyset.keys.map(\.publicKey.id) : [],
          text: unsigned.signed(by: key.sign(unsigned.bytesToSign)).text,
          issuedAt: change.now
        )
        self.statements.save(statement, change)
        try change.record(
          "\(kind.rawValue).publish",
          tenant.accountID,
          before: nil,
          after: statement.message(
            signedBy: active.publicKey.id,
            serialCount: kind == .revocations ? wanted.revoked.serials.count : nil
          )
        )
        stored.removeAll { $0.kind == kind }
        stored.append(statement)
      }
      guard let published = wanted.published(among: stored, at: change.now) else {
        throw .internalError("A statement that was made is not what is wanted")
      }
      return published
    }
  }
}

/// What is to be published of a tenant.
private struct Wanted {
  let activeKeyID: String
  let revoked: RevokedSerials
  let isVouched: Bool
  private let succession: StoredStatement?
  private let keysHash: [UInt8]
  private let serialsHash: [UInt8]

  init(_ keyset: StoredKeyset, revoked: RevokedSerials, at now: Timestamp) throws(Fault) {
    let active = try keyset.active(at: now)
    activeKeyID = active.publicKey.id
    self.revoked = revoked
    succession = keyset.succession
    isVouched = keyset.isInSuccession(active)
    // Both begin with the key that signs, since what another one has signed may be accepted no more.
    var keys = activeKeyID
    for key in keyset.keys {
      let published = key.published(at: now)
      let end = published.retiredAt?.milliseconds ?? 0
      keys += "\n\(published.publicKey.id) \(published.state.rawValue) \(end)"
    }
    keysHash = SHA256.hash(keys)
    let said = revoked.serials.map { "\n\($0)" }.joined()
    serialsHash = SHA256.hash(activeKeyID + said + "\nfrom \(revoked.first)")
  }

  func hash(of kind: StoredStatement.Kind) -> [UInt8] {
    kind == .keyset ? keysHash : serialsHash
  }

  /// The statements that have to be signed anew.
  func outdated(among stored: [StoredStatement], at now: Timestamp) -> [StoredStatement.Kind] {
    let kinds: [StoredStatement.Kind] = isVouched ? [.keyset, .revocations] : [.revocations]
    return kinds.filter { current($0, among: stored, at: now) == nil }
  }

  /// What is stored, if all of it is up to date.
  func published(among stored: [StoredStatement], at now: Timestamp) -> Publisher.Published? {
    guard let revocations = current(.revocations, among: stored, at: now) else { return nil }
    let keyset = isVouched ? current(.keyset, among: stored, at: now) : nil
    if isVouched, keyset == nil { return nil }
    return Publisher.Published(
      succession: succession,
      keyset: keyset,
      revocations: revocations,
      isVouched: isVouched
    )
  }

  private func current(
    _ kind: StoredStatement.Kind,
    among stored: [StoredStatement],
    at now: Timestamp
  ) -> StoredStatement? {
    stored.first { statement in
      statement.kind == kind && statement.contentHash == hash(of: kind)
        && now < statement.issuedAt + Publisher.freshness
    }
  }

  /// A statement that the active key is to sign; its number follows the keyset's last one.
  func unsigned(
    _ kind: StoredStatement.Kind,
    _ keyset: StoredKeyset,
    of tenant: Tenant,
    at now: Timestamp
  ) throws(Fault) -> UnsignedDocument {
    let signer = try keyset.active(at: now).publicKey
    guard kind == .revocations else {
      return keyset.statement(of: tenant, at: now).unsigned(as: .keyset, signer: signer)
    }
    return RevocationList(
      accountID: tenant.accountID,
      environment: tenant.environment,
      number: keyset.lastNumber + 1,
      issuedAt: now,
      serials: revoked.serials,
      firstSerial: revoked.first
    ).unsigned(signer: signer)
  }
}

extension StoredStatement {
  /// The statement as the audit log tells of it.
  func message(signedBy keyID: String, serialCount: Int? = nil) -> SignedStatement {
    SignedStatement(
      kind: kind == .keyset ? .keyset : kind == .succession ? .succession : .revocations,
      number: number,
      keyId: keyID,
      keyIds: keyIDs,
      serialCount: serialCount.map { Int32($0) },
      issuedAt: issuedAt.milliseconds
    )
  }
}
