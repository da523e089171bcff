internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// A product as far as issuing licenses concerns it.
struct ProductTerms: Sendable {
  var id: UUID
  var code: String
  var keyPrefix: String
  /// Whether the keys of its licenses are kept.
  var storesKeys: Bool
}

/// Adding licenses: one or a thousand, each statement takes them all.
extension LicenseStore {
  /// Reads the products of these ids or codes.
  ///
  /// - Parameters:
  ///   - ids: The ids.
  ///   - codes: The codes.
  ///   - change: The change.
  ///   - holds: Whether they cannot be deleted until the transaction ends.
  /// - Returns: Those that the tenant has.
  /// - Throws: Faults of the database.
  func products(
    _ ids: [UUID],
    codes: [String] = [],
    _ change: Change,
    holds: Bool = true
  ) async throws(Fault) -> [ProductTerms] {
    let rows = try await change.transaction.query(
      """
      select id, code, key_prefix, store_keys from licenses.products
      where (id = any (\(ids)) or code = any (\(codes))) and deleted_at is null
      order by id \(unescaped: holds ? "for share" : "")
      """
    )
    var products: [ProductTerms] = []
    for row in rows {
      let (id, code, prefix, storesKeys) = try row.values(
        UUID.self,
        String.self,
        String.self,
        Bool.self
      )
      products.append(ProductTerms(id: id, code: code, keyPrefix: prefix, storesKeys: storesKeys))
    }
    return products
  }

  /// Reads the policies of these ids.
  ///
  /// - Parameters:
  ///   - ids: The ids.
  ///   - change: The change.
  ///   - holds: Whether they cannot be changed until the transaction ends.
  /// - Returns: Those that the tenant has.
  /// - Throws: Faults of the database.
  func policies(
    _ ids: [UUID],
    _ change: Change,
    holds: Bool = true
  ) async throws(Fault) -> [UUID: Policy] {
    let rows = try await change.transaction.query(
      """
      select p.id, \(unescaped: PolicyStore.columns) from licenses.policies p
      where p.id = any (\(ids)) and p.deleted_at is null
      order by p.id \(unescaped: holds ? "for share of p" : "")
      """
    )
    var policies: [UUID: Policy] = [:]
    for row in rows { policies[try row.value(0)] = try Policy(row, from: 1) }
    return policies
  }

  /// Reads the codes of the tenant's entitlements of these ids; one that is not there is left out.
  func entitlementCodes(_ ids: [UUID], _ change: Change) async throws(Fault) -> [UUID: String] {
    if ids.isEmpty { return [:] }
    let rows = try await change.transaction.query(
      "select id, code from licenses.entitlements where id = any (\(ids)) and deleted_at is null"
    )
    var codes: [UUID: String] = [:]
    for row in rows { codes[try row.value(0)] = try row.value(1) as String }
    return codes
  }

  /// Takes the hashes that licenses are found by.
  ///
  /// - Returns: Those that nobody had, in any account; the others stay whose they are.
  @EventLoop
  func claim(_ hashes: [[UInt8]], for ids: [UUID], _ change: Change) async throws(Fault) -> Set<
    [UInt8]
  > {
    let rows = try await change.transaction.query(
      """
      insert into licenses.license_key_hashes (sha256, account_id, environment, license_id)
      select n.sha256, \(change.tenant.accountID), \(change.tenant.environment), n.id
      from unnest(\(hashes), \(ids)) as n (sha256, id)
      on conflict (sha256) do nothing returning sha256
      """
    )
    var claimed: Set<[UInt8]> = []
    for row in rows { claimed.insert(try row.value(0)) }
    return claimed
  }

  /// Adds licenses, what they can be found by in their metadata, and their first events.
  ///
  /// The hashes of their keys are claimed before, and the products' counts are raised after
  /// (``count(_:_:)``).
  @EventLoop
  func insert(_ new: [NewLicense], _ change: Change) async throws(Fault) {
    let tenant = change.tenant
    let licenses = new.map(\.license)
    try await change.transaction.query(
      """
      insert into licenses.licenses (
        account_id, environment, id, product_id, policy_id, name, status, expires_at,
        max_machines_override, max_uses_override, uses_count, user_email, user_name,
        suspended_at, revoked_at, banned_at, metadata, entitlement_ids, sealed_key,
        sealed_file_secret, event_sequence, created_at, updated_at)
      select \(tenant.accountID), \(tenant.environment), n.id, n.product_id, n.policy_id, n.name,
        n.status, n.expires_at, n.max_machines, n.max_uses, n.uses, n.user_email, n.user_name,
        n.suspended_at, n.revoked_at, n.banned_at, n.metadata, n.entitlements::uuid[], n.sealed_key,
        n.sealed_file_secret, 1, \(change.now), \(change.now)
      from unnest(
        \(new.map(\.id)), \(new.map(\.product)), \(new.map(\.policy)), \(licenses.map(\.name)),
        \(licenses.map(\.status.wireName)), \(licenses.map { moment($0.expiresAt) }),
        \(licenses.map(\.maxMachinesOverride)), \(licenses.map(\.maxUsesOverride)),
        \(licenses.map(\.usesCount)), \(licenses.map(\.userEmail)), \(licenses.map(\.userName)),
        \(licenses.map { moment($0.suspendedAt) }), \(licenses.map { moment($0.revokedAt) }),
        \(licenses.map { moment($0.bannedAt) }), \(licenses.map { JSONB(text: $0.metadata) }),
        \(new.map { arrayText($0.entitlements) }), \(new.map(\.secrets.sealedKey)),
        \(new.map(\.secrets.sealedFileSecret)))
        as n (id, product_id, policy_id, name, status, expires_at, max_machines, max_uses, uses,
          user_email, user_name, suspended_at, revoked_at, banned_at, metadata, entitlements,
          sealed_key, sealed_file_secret)
      """
    )
    index(metadataOf: new.map(\.id), change)
    change.emit(
      new.map { new in
        Event(
          .licenseCreated,
          new.license,
          license: new.id,
          sequence: 1,
          product: new.product,
          at: change.now
        )
      }
    )
  }

  /// How many members of its metadata a license can be found by, at most: the first ones by name.
  ///
  /// An object of 64 KiB may have ten thousand; nobody filters by so many.
  static let indexedMembersMax = 100

  /// Makes licenses findable by the members of their metadata, as they are written now.
  @EventLoop
  func index(metadataOf ids: [UUID], _ change: Change) {
    change.transaction.send(
      """
      insert into licenses.license_metadata (account_id, environment, name, value, license_id)
      select l.account_id, l.environment, m.name, m.value, l.id
      from licenses.licenses l
      cross join lateral (
        select e.key as name, e.value #>> '{}' as value from jsonb_each(l.metadata) e
        where jsonb_typeof(e.value) in ('string', 'number', 'boolean')
          and char_length(e.key) between 1 and 100 and char_length(e.value #>> '{}') <= 255
        order by e.key limit \(unescaped: String(Self.indexedMembersMax))
      ) m
      where l.id = any (\(ids)) and l.metadata <> '{}'
      """
    )
  }

  /// Adds to the counts of products' licenses, or takes from them.
  ///
  /// Others that count licenses of the product wait for the rows, so this comes last in a transaction.
  @EventLoop
  func count(_ licenses: [UUID: Int64], _ change: Change) {
    let products = licenses.keys.sorted()
    let shard = Int16.random(in: 0..<Self.countShards)
    change.transaction.send(
      """
      insert into licenses.product_counts (account_id, environment, product_id, shard, licenses)
      select \(change.tenant.accountID), \(change.tenant.environment), n.product_id, \(shard), n.licenses
      from unnest(\(products), \(products.map { licenses[$0] ?? 0 })) as n (product_id, licenses)
      on conflict (account_id, environment, product_id, shard)
        do update set licenses = product_counts.licenses + excluded.licenses
      """
    )
  }
}

private func moment(_ milliseconds: Int64?) -> Timestamp? {
  milliseconds.map(Timestamp.init(milliseconds:))
}

/// An array as the server writes it, since an array of arrays of several lengths is none to it.
private func arrayText(_ ids: [UUID]) -> String {
  "{" + ids.map(\.description).joined(separator: ",") + "}"
}
