internal import Changes
public import Cryptography
public import EventLoop
internal import Faults
public import Postgres
public import Primitives
public import Stubs

/// The licenses service: products, policies, licenses, and the validation of license keys.
///
/// Each RPC is an extension in the file of its name; rules are pure and lie beside; all SQL is in stores.
@EventLoop
public final class Licenses: LicensesService {
  let products: ProductStore
  let policies: PolicyStore
  let licenses: LicenseStore
  let customers: CustomerStore
  let dataKeys: DataKeyStore
  let sealer: Sealer
  let changes: Changes
  let database: Database
  /// What is known of the licenses that key hashes lead to; asked for in batches.
  let licenseFacts: Batcher<Digest, LicenseFacts>
  /// Whose each key prefix is; asked for in batches.
  let prefixOwners: Batcher<String, UUID>
  /// The time, which tests set.
  let now: @Sendable () -> Timestamp

  /// The most keys that one look-up in the database takes.
  private static let batchKeysMax = 512

  /// Makes the service.
  ///
  /// - Parameters:
  ///   - database: Connected as the role `latchkey_licenses`.
  ///   - masterKeys: What tenants' data keys are wrapped with.
  ///   - now: The clock.
  public init(
    database: Database,
    masterKeys: MasterKeys,
    now: @escaping @Sendable () -> Timestamp = Timestamp.now
  ) {
    let products = ProductStore(database: database)
    let licenses = LicenseStore(database: database)
    self.database = database
    self.products = products
    self.licenses = licenses
    self.now = now
    policies = PolicyStore(database: database)
    customers = CustomerStore(database: database)
    sealer = Sealer(masterKeys: masterKeys)
    dataKeys = DataKeyStore(database: database, sealer: sealer, now: now)
    changes = Changes(database: database, dataKeys: dataKeys, now: now)
    licenseFacts = Batcher(keysMax: Self.batchKeysMax) { (hashes) async throws(Fault) in
      try await licenses.facts(hashes)
    }
    prefixOwners = Batcher(keysMax: Self.batchKeysMax) { (prefixes) async throws(Fault) in
      try await products.owners(ofPrefixes: prefixes)
    }
  }
}
