public import Cryptography
internal import EventLoop
public import Faults
public import Postgres
public import Primitives

/// The wrapped data keys of a service's accounts: where they are kept, made, and brought under new master keys.
///
/// All of their SQL is here and in `Migrations/sealing.sql`.
public final class DataKeyStore: DataKeys {
  /// How often one data key may seal.
  public struct Limits: Sendable {
    /// The most values that one key seals.
    public var sealsMax: Int64
    /// How many are reserved at a time: what a process that dies has reserved and not used is lost to the key.
    public var reservation: Int64

    /// A quarter of what random nonces of 96 bits allow (NIST SP 800-38D, section 8.3: 2^32), so that what is sealed
    /// while a new key is made, or beyond a reservation, never matters.
    public static let standard = Limits(sealsMax: 1 << 30, reservation: 1 << 16)

    /// Makes limits, for tests.
    public init(sealsMax: Int64, reservation: Int64) {
      self.sealsMax = sealsMax
      self.reservation = reservation
    }

    /// How many seals whoever asks for a key finds allowed at least.
    var atHand: Int { Int(reservation / 2) }
  }

  /// How often a key is looked for that others are making at the same time.
  private static let attemptsMax = 5

  let database: Database
  let schema: SealingSchema
  let sealer: Sealer
  private let limits: Limits
  private let now: @Sendable () -> Timestamp
  /// Reads the file of master keys again: another process may have wrapped by a version that this one does not know.
  var reload: (@EventLoop () async throws(Fault) -> Void)?

  /// Makes a store.
  ///
  /// - Parameters:
  ///   - database: Connected as the service's role.
  ///   - schema: Where its table `data_keys` is.
  ///   - sealer: Wraps and unwraps the keys.
  ///   - limits: How often one key may seal.
  ///   - now: The clock.
  public init(
    database: Database,
    schema: SealingSchema,
    sealer: Sealer,
    limits: Limits = .standard,
    now: @escaping @Sendable () -> Timestamp = Timestamp.now
  ) {
    self.database = database
    self.schema = schema
    self.sealer = sealer
    self.limits = limits
    self.now = now
  }

  /// The table, as SQL names it.
  private var table: String { "\(schema.name).data_keys" }

  /// The key that seals what is new; one is made where there is none, or where the newest has sealed enough.
  public func newest(of tenant: Tenant) async throws(Fault) -> DataKey {
    for _ in 0..<Self.attemptsMax {
      guard let (wrapped, _) = try await newestRow(of: tenant) else {
        try await make(1, for: tenant)
        continue
      }
      let key = try await unwrap(wrapped)
      if key.sealsLeft >= limits.atHand { return key }
      if try await reserve(key, for: tenant) { return key }
      try await make(wrapped.version + 1, for: tenant)
    }
    throw Fault(.aborted, "Another change was made at the same time; try again")
  }

  /// The key that opens what was sealed by a version.
  public func key(of tenant: Tenant, version: UInt32) async throws(Fault) -> DataKey {
    let rows = try await database.read(
      for: tenant,
      """
      select wrapped_key from \(unescaped: table) where version = \(Int32(clamping: version))
      """
    )
    guard let row = try rows.singleOrNone() else {
      throw Fault(
        .dataLoss,
        "Stored data could not be read",
        reason: .internalError,
        detail: "account \(tenant.accountID) has no data key \(version) in \(table)"
      )
    }
    return try await unwrap(
      WrappedDataKey(accountID: tenant.accountID, version: version, bytes: try row.value(0))
    )
  }

  /// All of an account's keys, by version: for what many values of it are opened at once.
  ///
  /// Ask after the values were read: a key that sealed one of them is there then.
  public func all(of tenant: Tenant) async throws(Fault) -> [UInt32: DataKey] {
    let rows = try await database.read(
      for: tenant,
      "select version, wrapped_key from \(unescaped: table)"
    )
    var keys: [UInt32: DataKey] = [:]
    for row in rows {
      let (version, bytes) = try row.values(Int32.self, [UInt8].self)
      keys[UInt32(version)] = try await unwrap(
        WrappedDataKey(accountID: tenant.accountID, version: UInt32(version), bytes: bytes)
      )
    }
    return keys
  }

  /// Unwraps a data key as the table has it.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when the file of master keys lacks the version that is needed;
  ///   `dataLoss` when the row was changed or moved.
  public func unwrap(_ wrapped: WrappedDataKey) async throws(Fault) -> DataKey {
    do throws(Fault) {
      return try sealer.unwrap(wrapped)
    } catch {
      guard error.code == .failedPrecondition, let reload else { throw error }
      try await reload()
      return try sealer.unwrap(wrapped)
    }
  }

  // MARK: Making and counting

  /// The newest key and the master key that has wrapped it first; nil when the account has none.
  private func newestRow(
    of tenant: Tenant
  ) async throws(Fault) -> (WrappedDataKey, firstMasterVersion: Int64)? {
    let rows = try await database.read(
      for: tenant,
      """
      select version, wrapped_key, first_master_version from \(unescaped: table)
      order by version desc limit 1
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    let (version, bytes, first) = try row.values(Int32.self, [UInt8].self, Int64.self)
    return (
      WrappedDataKey(accountID: tenant.accountID, version: UInt32(version), bytes: bytes), first
    )
  }

  /// Makes a version of an account's data key, unless somebody else does at this moment.
  ///
  /// It is committed before it is used: a secret is never sealed with a key that could be rolled back, or
  /// that loses to one made elsewhere.
  private func make(_ version: UInt32, for tenant: Tenant) async throws(Fault) {
    let made = sealer.makeDataKey(for: tenant.accountID, version: version)
    do throws(Fault) {
      try await database.query(
        for: tenant,
        """
        insert into \(unescaped: table) (account_id, version, wrapped_key, created_at)
        values (\(made.accountID), \(Int32(made.version)), \(made.bytes), \(now()))
        on conflict do nothing
        """
      )
    } catch {
      // The master keys were rotated, and this process has not noticed: the caller looks again afterwards.
      guard error.serverError?.state == .staleMasterKey, let reload else { throw error }
      try await reload()
    }
  }

  /// Allows a key more seals, and has the database know it before.
  ///
  /// - Returns: False when the key has sealed enough.
  private func reserve(_ key: DataKey, for tenant: Tenant) async throws(Fault) -> Bool {
    let reserved =
      try await database.query(
        for: tenant,
        """
        update \(unescaped: table) set seals_reserved = seals_reserved + \(limits.reservation)
        where version = \(Int32(key.version))
          and seals_reserved + \(limits.reservation) <= \(limits.sealsMax)
        """
      ).affectedCount == 1
    if reserved { key.allow(seals: Int(limits.reservation)) }
    return reserved
  }

  // MARK: Coming under a new master key

  /// Has the database refuse data keys that are wrapped by an older master key than the active one, from whichever
  /// process.
  func raiseFloor() async throws(Fault) {
    try await database.query(
      "select \(unescaped: schema.name).raise_sealing_floor(\(Int64(sealer.activeVersion)))"
    )
  }

  /// Gives an account a data key that the active master key has wrapped first, unless it has one; the older ones are
  /// wrapped anew by the active master key.
  ///
  /// - Returns: The version of the key that everything is to be sealed by.
  func renew(for tenant: Tenant) async throws(Fault) -> UInt32 {
    let active = sealer.activeVersion
    var newest = try await newestRow(of: tenant)
    if newest.map({ $0.firstMasterVersion < Int64(active) }) ?? true {
      try await make((newest?.0.version ?? 0) + 1, for: tenant)
      newest = try await newestRow(of: tenant)
    }
    guard let (key, _) = newest else {
      throw .internalError("An account has no data key although one was made")
    }
    let old = try await database.read(
      for: tenant,
      """
      select version, wrapped_key from \(unescaped: table)
      where master_version <> \(Int64(active)) order by version
      """
    )
    for row in old {
      let (version, bytes) = try row.values(Int32.self, [UInt8].self)
      let again = try sealer.rewrap(
        WrappedDataKey(accountID: tenant.accountID, version: UInt32(version), bytes: bytes)
      )
      try await database.query(
        for: tenant,
        """
        update \(unescaped: table) set wrapped_key = \(again.bytes)
        where version = \(version) and wrapped_key = \(bytes)
        """
      )
    }
    return key.version
  }
}

extension SQLState {
  /// A data key was wrapped by an older master key than others are; raised by `admit_data_key`.
  fileprivate static let staleMasterKey = SQLState("57000")
}
