internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

/// How much each master key protects, as the database counts it.
@EventLoop
struct SealingCounts {
  /// How many rows one statement counts; a million take a second.
  private static let rowsAtOnce: Int32 = 50_000
  private static let accountsAtOnce: Int32 = 1_000

  let database: Database
  let schema: SealingSchema
  let tables: [SealedTable]

  /// Counts everything, the sealed values first and then, shut against new ones, the data keys.
  func uses() async throws(Fault) -> [SealingUse] {
    var counts: [String: [Int64: Int64]] = [:]
    for table in tables {
      for place in table.places { counts[place] = [:] }
    }
    var first: UUID? = .lowest
    while let from = first {
      let accounts = try await accounts(from: from)
      first = accounts.last?.next
      for account in accounts {
        for table in tables {
          for tenant in table.tenants(of: account) {
            try await count(table, of: tenant, into: &counts)
          }
        }
      }
    }
    counts["\(schema.name).data_keys.wrapped_key"] = try await dataKeys()
    return counts.sorted { $0.key < $1.key }.flatMap { place, versions in
      // A place with nothing in it is told as well: that it is empty was counted, too.
      versions.isEmpty
        ? [SealingUse(place: place, version: 0, count: 0)]
        : versions.sorted { $0.key < $1.key }.map {
          SealingUse(place: place, version: $0.key, count: $0.value)
        }
    }
  }

  /// The accounts with data keys from one on, in order; empty at the end.
  func accounts(from account: UUID) async throws(Fault) -> [UUID] {
    let rows = try await database.read(
      """
      select account_id
      from \(unescaped: schema.name).sealing_accounts(\(account), \(Self.accountsAtOnce))
      """
    )
    var accounts: [UUID] = []
    for row in rows { accounts.append(try row.value(0)) }
    return accounts
  }

  /// Counts a tenant's rows of one table.
  private func count(
    _ table: SealedTable,
    of tenant: Tenant,
    into counts: inout [String: [Int64: Int64]]
  ) async throws(Fault) {
    var first: UUID? = .lowest
    while let from = first {
      let last = try await table.endOfPage(
        from: from,
        rows: Self.rowsAtOnce,
        of: tenant,
        in: database
      )
      for column in table.columns {
        let rows = try await database.read(
          for: tenant,
          """
          select coalesce(d.first_master_version, 0), count(*) from \(unescaped: table.name) t
          left join \(unescaped: schema.name).data_keys d
            on d.version = \(unescaped: schema.name).sealed_version(t.\(unescaped: column))
          where t.\(unescaped: table.id) >= \(from) and t.\(unescaped: table.id) <= \(last ?? .highest)
            and t.\(unescaped: column) is not null and \(unescaped: table.condition)
          group by 1
          """
        )
        for row in rows {
          let (version, count) = try row.values(Int64.self, Int64.self)
          counts["\(table.name).\(column)", default: [:]][version, default: 0] += count
        }
      }
      first = last?.next
    }
  }

  /// Counts the data keys by the master key that wraps them, while nobody makes any: a transaction that had begun to is
  /// waited for, and none that begins later wraps by an older master key than there is then.
  private func dataKeys() async throws(Fault) -> [Int64: Int64] {
    let rows = try await database.transaction(for: nil) { (transaction) async throws(Fault) in
      transaction.send("lock table \(unescaped: schema.name).data_keys in share mode")
      return try await transaction.query(
        """
        select distinct master_version, data_keys
        from \(unescaped: schema.name).master_key_uses(\(1 as Int32))
        """
      )
    }
    var counts: [Int64: Int64] = [:]
    for row in rows {
      let (version, count) = try row.values(Int64.self, Int64.self)
      counts[version] = count
    }
    return counts
  }
}

extension SealedTable {
  /// The id of the last row of a page; nil when the page is the last one and may have fewer rows.
  @EventLoop
  func endOfPage(
    from first: UUID,
    rows: Int32,
    of tenant: Tenant,
    in database: Database
  ) async throws(Fault) -> UUID? {
    try await database.read(
      for: tenant,
      """
      select \(unescaped: id) from \(unescaped: name)
      where \(unescaped: id) >= \(first) and \(unescaped: condition)
      order by \(unescaped: id) limit 1 offset \(rows - 1)
      """
    ).singleOrNone()?.value(0)
  }
}

extension UUID {
  /// No id is below it.
  static let lowest = UUID(high: 0, low: 0)
  /// No id is above it.
  static let highest = UUID(high: .max, low: .max)

  /// The next one up; nil after the highest.
  var next: UUID? {
    let (low, overflows) = low.addingReportingOverflow(1)
    guard overflows else { return UUID(high: high, low: low) }
    return high == .max ? nil : UUID(high: high + 1, low: 0)
  }
}
