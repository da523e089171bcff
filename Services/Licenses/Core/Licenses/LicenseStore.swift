internal import Cryptography
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

/// What a new license is issued on.
struct LicenseTerms {
  /// What keys of the product begin with; nil when the tenant has no such product.
  var keyPrefix: String?
  /// Nil when the tenant has no such policy.
  var policy: Policy?
  /// What seals the account's secrets; nil before its first license.
  var dataKey: WrappedDataKey?
}

/// The ids of a new license and of what it belongs to, in the database's form.
struct LicenseIDs {
  var tenant: Tenant
  var license: UUID
  var product: UUID
  var policy: UUID
}

/// Where licenses are kept.
///
/// All of its SQL is here; the columns lie beside what reads them, in License+Row.swift.
struct LicenseStore: Sendable {
  let database: Database

  /// Over how many rows the count of a product's licenses is spread.
  ///
  /// Creations of one product wait for each other's row, so one would put them in line. The table's
  /// check has the same number.
  static let countShards: Int16 = 16

  /// A license's own policy, joined by the whole of its primary key.
  static let policyJoin = """
    join licenses.policies p
      on p.account_id = l.account_id and p.environment = l.environment and p.id = l.policy_id
    """

  /// Reads what a license of this product and policy would be issued on.
  func terms(
    _ tenant: Tenant,
    product: UUID,
    policy: UUID,
    _ transaction: Transaction
  ) async throws(Fault) -> LicenseTerms {
    let row = try await transaction.query(
      """
      select d.key_prefix, k.version, k.wrapped_key, \(unescaped: PolicyStore.columns)
      from (select) wanted
      left join licenses.products d on d.id = \(product) and d.deleted_at is null
      left join licenses.policies p on p.id = \(policy) and p.deleted_at is null
      left join lateral (
        select version, wrapped_key from licenses.data_keys order by version desc limit 1
      ) k on true
      """
    ).single()
    let policyColumn = 3
    let version: Int32? = try row.value(1)
    let wrapped: [UInt8]? = try row.value(2)
    let policyID: UUID? = try row.value(policyColumn)
    var terms = LicenseTerms(keyPrefix: try row.value(0))
    if let version, let wrapped {
      terms.dataKey = WrappedDataKey(
        accountID: tenant.accountID,
        version: UInt32(version),
        bytes: wrapped
      )
    }
    if policyID != nil { terms.policy = try Policy(row, from: policyColumn) }
    return terms
  }

  /// Adds a license, the hash that leads to it, one to its product's count, and its first event.
  func insert(
    _ license: License,
    _ secrets: LicenseSecrets,
    _ event: Event,
    _ ids: LicenseIDs,
    _ transaction: Transaction
  ) async throws(Fault) {
    let tenant = ids.tenant
    let account = tenant.accountID
    let environment = tenant.environment
    let now = Timestamp(milliseconds: license.createdAt)
    let expiresAt = license.expiresAt.map(Timestamp.init(milliseconds:))
    let shard = Int16.random(in: 0..<Self.countShards)
    _ = try await transaction.query(
      """
      with license as (
        insert into licenses.licenses (
          account_id, environment, id, product_id, policy_id, name, status, expires_at,
          max_machines_override, max_uses_override, user_email, user_name, metadata,
          sealed_key, sealed_file_secret, event_sequence, created_at, updated_at)
        values (
          \(account), \(environment), \(ids.license), \(ids.product), \(ids.policy),
          \(license.name), \(license.status.wireName), \(expiresAt), \(license.maxMachinesOverride),
          \(license.maxUsesOverride), \(license.userEmail), \(license.userName),
          \(JSONB(text: license.metadata)), \(secrets.sealedKey),
          \(secrets.sealedFileSecret), \(event.sequence), \(now), \(now))
      ), key_hash as (
        insert into licenses.license_key_hashes (sha256, account_id, environment, license_id)
        values (\(secrets.keyHash), \(account), \(environment), \(ids.license))
      ), counted as (
        insert into licenses.product_counts (
          account_id, environment, product_id, shard, licenses)
        values (\(account), \(environment), \(ids.product), \(shard), 1)
        on conflict (account_id, environment, product_id, shard)
          do update set licenses = product_counts.licenses + 1
      )
      insert into events.outbox (
        account_id, environment, id, type, license_id, sequence, payload, created_at)
      values (
        \(account), \(environment), \(event.id), \(event.type.rawValue), \(ids.license),
        \(event.sequence), \(event.payload), \(now))
      """
    )
  }

  /// Reads a tenant's licenses below an id, newest first, as they are at a moment.
  func list(
    _ tenant: Tenant,
    below: UUID,
    rows: Int32,
    at now: Timestamp
  ) async throws(Fault) -> [License] {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: License.columns), p.expiration_strategy
      from licenses.licenses l \(unescaped: Self.policyJoin)
      where l.id < \(below) and l.deleted_at is null
      order by l.id desc limit \(rows)
      """
    )
    var licenses: [License] = []
    licenses.reserveCapacity(rows.count)
    for row in rows {
      let strategy: Policy.ExpirationStrategy = try row.named(License.columnCount)
      licenses.append(try License(row).at(now, strategy: strategy))
    }
    return licenses
  }

  /// Reads one of a tenant's licenses with its policy, as it is at a moment.
  func get(_ tenant: Tenant, id: UUID, at now: Timestamp) async throws(Fault) -> License? {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: License.columns), \(unescaped: PolicyStore.columns)
      from licenses.licenses l \(unescaped: Self.policyJoin)
      where l.id = \(id) and l.deleted_at is null
      """
    )
    return try Self.withPolicy(rows, at: now)
  }

  /// Reads the license of a tenant that one of these key hashes leads to.
  func get(
    _ tenant: Tenant,
    keyHashes: [[UInt8]],
    at now: Timestamp
  ) async throws(Fault) -> License? {
    let rows = try await database.read(
      for: tenant,
      """
      select \(unescaped: License.columns), \(unescaped: PolicyStore.columns)
      from licenses.license_key_hashes h
      join licenses.licenses l
        on l.account_id = h.account_id and l.environment = h.environment and l.id = h.license_id
      \(unescaped: Self.policyJoin)
      where h.sha256 = any (\(keyHashes)) and l.deleted_at is null
      limit 1
      """
    )
    return try Self.withPolicy(rows, at: now)
  }

  private static func withPolicy(_ rows: Rows, at now: Timestamp) throws(Fault) -> License? {
    guard let row = try rows.singleOrNone() else { return nil }
    let policy = try Policy(row, from: License.columnCount)
    var license = try License(row).at(now, strategy: policy.expirationStrategy)
    license.policy = policy
    return license
  }
}
