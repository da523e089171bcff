internal import Cryptography
internal import EventLoop
internal import Faults
internal import Logging
internal import Postgres
internal import Primitives

/// Brings all that a service keeps encrypted under the active master key, while the service goes on.
///
/// Account by account: a new data key, wrapped by the active master key; the older data keys, wrapped anew, so that
/// what they have sealed can be opened without the old master key from here on; then every row, sealed anew in small
/// transactions. Nothing is remembered: what is to be done is what the database says is sealed by an older key, so a
/// rotation that was stopped goes on where it was, and several at once do not harm each other.
@EventLoop
struct Rotation {
  /// How often rows are looked for that were locked before.
  private static let passesMax = 20
  /// What rows that are locked are given to become free.
  private static let pause = Duration.milliseconds(200)

  let dataKeys: DataKeyStore
  let tables: [SealedTable]
  let log: Logger

  private var database: Database { dataKeys.database }
  private var counts: SealingCounts {
    SealingCounts(database: database, schema: dataKeys.schema, tables: tables)
  }

  /// What one batch came to.
  struct Batch {
    /// Rows that were sealed anew.
    var sealedCount = 0
    /// Rows that another transaction had locked.
    var skippedCount = 0
    /// Rows that cannot be opened.
    var damagedCount = 0

    static func += (left: inout Batch, right: Batch) {
      left.sealedCount += right.sealedCount
      left.skippedCount += right.skippedCount
      left.damagedCount += right.damagedCount
    }
  }

  /// Does it.
  ///
  /// - Parameter report: Is told how many more rows were sealed anew; what it throws ends the rotation.
  /// - Throws: What `report` throws; `cancelled`; faults of the database.
  func run(_ report: @EventLoop (Int) async throws(Fault) -> Void) async throws(Fault) {
    try await dataKeys.raiseFloor()
    for pass in 0..<Self.passesMax {
      if pass > 0 { await EventLoop.sleep(for: Self.pause) }
      var found = Batch()
      var first: UUID? = .lowest
      while let from = first {
        let accounts = try await counts.accounts(from: from)
        first = accounts.last?.next
        for account in accounts { found += try await sealAgain(account, report) }
      }
      log.info(
        "sealed anew",
        metadata: [
          "rows": "\(found.sealedCount)", "locked": "\(found.skippedCount)",
          "damaged": "\(found.damagedCount)",
        ]
      )
      // Also when rows were sealed: some may have been added meanwhile by who had the old key in hand.
      if found.sealedCount + found.skippedCount == 0 { return }
    }
  }

  private func sealAgain(
    _ account: UUID,
    _ report: @EventLoop (Int) async throws(Fault) -> Void
  ) async throws(Fault) -> Batch {
    let newest = try await dataKeys.renew(for: Tenant(accountID: account, environment: .live))
    let keys = KnownDataKeys(dataKeys)
    var found = Batch()
    for table in tables {
      for tenant in table.tenants(of: account) {
        var first: UUID? = .lowest
        while let from = first {
          guard !Task.isCancelled else { throw Fault(.cancelled, "The rotation was cancelled") }
          let last = try await table.endOfPage(
            from: from,
            rows: Int32(table.batchRows),
            of: tenant,
            in: database
          )
          let batch = try await sealAgain(
            table,
            of: tenant,
            from: from,
            through: last ?? .highest,
            newest: newest,
            keys
          )
          found += batch
          if batch.sealedCount > 0 { try await report(batch.sealedCount) }
          first = last?.next
        }
      }
    }
    return found
  }

  /// Seals the rows of one page anew that an older key than the newest has sealed.
  private func sealAgain(
    _ table: SealedTable,
    of tenant: Tenant,
    from first: UUID,
    through last: UUID,
    newest: UInt32,
    _ keys: KnownDataKeys
  ) async throws(Fault) -> Batch {
    let wanted = condition(table, first, last, newest)
    let count =
      try await database.read(
        for: tenant,
        "select count(*) from \(unescaped: table.name) where \(wanted)"
      ).single().value(0) as Int64
    guard count > 0 else { return Batch() }
    var key = try await dataKeys.newest(of: tenant)
    if key.version < newest { key = try await dataKeys.key(of: tenant, version: newest) }
    return try await database.transaction(for: tenant) { (transaction) async throws(Fault) in
      // Locked until the new values are committed, so that no change in between is lost. What somebody else has locked
      // is left for later: waiting for it with other rows locked might never end.
      let rows = try await transaction.query(
        """
        select \(unescaped: ([table.id] + table.columns).joined(separator: ", "))
        from \(unescaped: table.name) where \(wanted)
        order by \(unescaped: table.id) for update skip locked
        """
      )
      var batch = SealedBatch(table, by: key)
      for row in rows { try await batch.add(row, tenant, keys, log) }
      if !batch.ids.isEmpty { try await transaction.query(batch.update) }
      return Batch(
        sealedCount: batch.ids.count,
        skippedCount: max(0, Int(count) - rows.count),
        damagedCount: batch.damagedCount
      )
    }
  }

  /// The rows of a page that are not sealed by the newest key.
  private func condition(
    _ table: SealedTable,
    _ first: UUID,
    _ last: UUID,
    _ newest: UInt32
  ) -> Query {
    let isOlder = table.columns.map { "\(dataKeys.schema.name).sealed_version(\($0)) < " }
    var query: Query = """
      \(unescaped: table.id) >= \(first) and \(unescaped: table.id) <= \(last)
        and \(unescaped: table.condition) and (false
      """
    for part in isOlder { query = "\(query) or \(unescaped: part)\(Int64(newest))" }
    return "\(query))"
  }
}
