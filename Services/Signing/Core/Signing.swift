internal import Changes
public import Cryptography
public import EventLoop
internal import Faults
internal import Messages
public import Postgres
public import Primitives
public import Sealing
public import Stubs

/// The signing service: keysets, license files, and what is published about both.
///
/// Each RPC is an extension in the file of its name; rules are pure and lie beside; all SQL is in stores.
@EventLoop
public final class Signing: SigningService {
  let keysets: KeysetStore
  let files: FileStore
  let statements: StatementStore
  /// What signing keys are sealed by.
  public let dataKeys: DataKeyStore
  let privateKeys: PrivateKeys
  let changes: Changes
  let publisher: Publisher
  let fileSigner: FileSigner
  /// The time, which tests set.
  let now: @Sendable () -> Timestamp

  /// Makes the service.
  ///
  /// - Parameters:
  ///   - database: Connected as the role `latchkey_signing`.
  ///   - masterKeys: What accounts' data keys are wrapped with; no other service's.
  ///   - now: The clock.
  public init(
    database: Database,
    masterKeys: MasterKeys,
    now: @escaping @Sendable () -> Timestamp = Timestamp.now
  ) {
    let keysets = KeysetStore(database: database)
    let files = FileStore(database: database)
    let statements = StatementStore(database: database)
    let dataKeys = DataKeyStore(
      database: database,
      schema: Signing.sealingSchema,
      sealer: Sealer(masterKeys: masterKeys),
      now: now
    )
    let privateKeys = PrivateKeys(dataKeys: dataKeys)
    let changes = Changes(database: database, dataKeys: dataKeys, now: now)
    fileSigner = FileSigner(
      keysets: keysets,
      files: files,
      dataKeys: dataKeys,
      privateKeys: privateKeys,
      changes: changes
    )
    self.keysets = keysets
    self.files = files
    self.statements = statements
    self.dataKeys = dataKeys
    self.privateKeys = privateKeys
    self.changes = changes
    self.now = now
    publisher = Publisher(
      keysets: keysets,
      files: files,
      statements: statements,
      privateKeys: privateKeys,
      changes: changes,
      now: now
    )
  }

  /// The keyset of a tenant, made where it has none yet.
  func keyset(of tenant: Tenant) async throws(Fault) -> StoredKeyset {
    if let keyset = try await keysets.get(tenant) { return keyset }
    try await keysets.make(for: tenant, sealedBy: dataKeys.newest(of: tenant), changes)
    guard let keyset = try await keysets.get(tenant) else {
      throw .internalError("A keyset that was made is not there")
    }
    return keyset
  }
}

extension KeysetStore {
  /// Makes a tenant's keyset, unless somebody else does at this moment: a key that signs, and the one that follows it.
  ///
  /// - Parameters:
  ///   - tenant: Whose.
  ///   - dataKey: What seals the keys; it is committed already.
  ///   - changes: Makes the change.
  /// - Throws: ``Fault`` of the database.
  @EventLoop
  func make(
    for tenant: Tenant,
    sealedBy dataKey: DataKey,
    _ changes: Changes
  ) async throws(Fault) {
    try await changes.makeUnasked(for: tenant) { (change) async throws(Fault) in
      guard try await self.insert(change) else { return }
      let now = change.now
      let keys = [now, nil].map { activatesAt in
        PrivateKeys.make(for: tenant, activatesAt: activatesAt, sealedBy: dataKey, at: now)
      }
      self.save(keys, change)
      for key in keys {
        try change.record("signingKey.create", key.id, before: nil, after: key.message(at: now))
      }
    }
  }
}
