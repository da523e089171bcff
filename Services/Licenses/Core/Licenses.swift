internal import Changes
public import Cryptography
public import EventLoop
public import Faults
internal import Messages
public import Postgres
public import Primitives
public import RPC
public import Sealing
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
  let machines: MachineStore
  let entitlements: EntitlementStore
  let audit: AuditStore
  /// What tenants' secrets are sealed by.
  public let dataKeys: DataKeyStore
  let changes: Changes
  let database: Database
  /// Has license files signed.
  let files: FileMaker
  /// What is known of licenses that are to be checked out; asked for in batches.
  let checkOutFacts: Batcher<CheckOutQuestion, Result<Boxed<CheckOutFacts>, Fault>>
  /// How much an account may have.
  let limits: PlanLimits
  /// What is done about licenses whose keys are reported as leaked.
  let leakedKeys: LeakedLicenseKeys
  /// How many imports are under way; each holds a connection of the database.
  var importCount = 0
  /// What is known of the licenses that keys lead to; asked for in batches.
  let licenseFacts: Batcher<KeyQuestion, Boxed<LicenseFacts>>
  /// Whose each key prefix is; asked for in batches.
  let prefixOwners: Batcher<String, UUID>
  /// Heartbeats, written in batches; the machine as it is afterwards.
  let heartbeats: Batcher<Heartbeat, Result<Machine, Fault>>
  /// Uses of licenses with a limit, counted in batches: how many the license has had then.
  ///
  /// One that is beyond the limit is left out.
  let limitedUses: Batcher<LicenseUse, Result<Int64, Fault>>
  var uses = LicenseUse.Source()
  /// What validations add to without writing it.
  let tally: ValidationTally
  /// What is told of validations and heartbeats, where somebody is sent it.
  let onDemand: OnDemandEvents
  /// The time, which tests set.
  let now: @Sendable () -> Timestamp

  /// The most keys that one look-up in the database takes.
  private static let batchKeysMax = 512

  /// Makes the service.
  ///
  /// - Parameters:
  ///   - database: Connected as the role `latchkey_licenses`.
  ///   - masterKeys: What tenants' data keys are wrapped with.
  ///   - signing: The channel to the signing service.
  ///   - limits: How much an account may have.
  ///   - leakedKeys: What is done about licenses whose keys are reported as leaked.
  ///   - now: The clock.
  public init(
    database: Database,
    masterKeys: MasterKeys,
    signing: Channel,
    limits: PlanLimits = .none,
    leakedKeys: LeakedLicenseKeys = .alert,
    now: @escaping @Sendable () -> Timestamp = Timestamp.now
  ) {
    let products = ProductStore(database: database)
    let licenses = LicenseStore(database: database)
    let machines = MachineStore(database: database)
    self.database = database
    self.limits = limits
    self.leakedKeys = leakedKeys
    self.products = products
    self.licenses = licenses
    self.machines = machines
    self.now = now
    policies = PolicyStore(database: database)
    customers = CustomerStore(database: database)
    entitlements = EntitlementStore(database: database)
    audit = AuditStore(database: database)
    let dataKeys = DataKeyStore(
      database: database,
      schema: Licenses.sealingSchema,
      sealer: Sealer(masterKeys: masterKeys),
      now: now
    )
    self.dataKeys = dataKeys
    files = FileMaker(signing)
    changes = Changes(database: database, dataKeys: dataKeys, now: now)
    let onDemand = OnDemandEvents(store: licenses)
    self.onDemand = onDemand
    tally = ValidationTally(licenses: licenses)
    licenseFacts = Batcher("license facts", keysMax: Self.batchKeysMax) {
      (questions) async throws(Fault) in
      try await licenses.facts(questions)
    }
    heartbeats = Batcher("heartbeats", keysMax: Self.batchKeysMax) {
      (heartbeats) async throws(Fault) in
      await forEachTenant(heartbeats, \.tenant) { (tenant, heartbeats) async throws(Fault) in
        let now = now()
        let heard = try await machines.note(heartbeats, for: tenant, at: now)
        for machine in heard.values {
          guard let license = UUID(machine.licenseId) else { continue }
          onDemand.note(.machineHeartbeat, machine, license: license, for: tenant, at: now)
        }
        return heard
      }
    }
    limitedUses = Batcher("license uses", keysMax: Self.batchKeysMax) {
      (uses) async throws(Fault) in
      await forEachTenant(uses, \.tenant) { (tenant, uses) async throws(Fault) in
        try await licenses.count(uses, for: tenant)
      }
    }
    checkOutFacts = Batcher("check-out facts", keysMax: Self.batchKeysMax) {
      (questions) async throws(Fault) in
      await forEachTenant(questions, \.tenant) { (tenant, questions) async throws(Fault) in
        try await licenses.checkOutFacts(questions, for: tenant, dataKeys, at: now())
      }
    }
    prefixOwners = Batcher("prefix owners", keysMax: Self.batchKeysMax) {
      (prefixes) async throws(Fault) in
      try await products.owners(ofPrefixes: prefixes)
    }
  }

  /// Writes what validations have gathered in memory; the last time when the service stops.
  ///
  /// - Throws: ``Fault`` of the database; nothing is lost, it is tried again with the next.
  public func flushTally() async throws(Fault) { try await tally.flush() }

  /// Told when there is something for ``flushEvents()`` to write, where there was nothing before.
  public var onEventsGathered: (@EventLoop () -> Void)? {
    get { onDemand.onGathered }
    set { onDemand.onGathered = newValue }
  }
  /// How often ``flushEvents()`` is to be called at most.
  public nonisolated static let eventsInterval = OnDemandEvents.interval
  /// How often ``refreshSubscriptions()`` is to be called.
  public nonisolated static let subscriptionsInterval = OnDemandEvents.refreshInterval

  /// Begins to tell of validations and heartbeats where somebody is sent that.
  public func startTelling() { onDemand.start() }

  /// Asks who is sent events of validations and heartbeats.
  ///
  /// - Throws: ``Fault`` of the database.
  public func refreshSubscriptions() async throws(Fault) { try await onDemand.refresh() }

  /// Writes what there is to tell of validations and heartbeats.
  ///
  /// - Throws: ``Fault`` of the database.
  public func flushEvents() async throws(Fault) { try await onDemand.flush() }
}
