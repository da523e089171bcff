public import EventLoop
public import Faults
internal import Postgres
public import Primitives
public import Sealing

/// Proves that a service lists all of its sealed columns, and that what lies in each opens there and nowhere else.
@EventLoop
public struct SealingPlaceProof {
  /// What was found wrong, in sentences; empty when the proof holds.
  public private(set) var failures: [String] = []
  /// The columns that were examined, in order.
  public private(set) var columns: [String] = []

  /// Examines all columns named `sealed_*`.
  ///
  /// - Parameters:
  ///   - test: The database, with a sealed value of `tenant` in each column.
  ///   - schemas: Where to look.
  ///   - tables: What the service lists.
  ///   - dataKeys: The service's data keys.
  ///   - tenant: Whose values are there.
  /// - Throws: ``Fault`` of the database.
  public init(
    _ test: TestDatabase,
    schemas: [String],
    tables: [SealedTable],
    dataKeys: DataKeyStore,
    tenant: Tenant
  ) async throws(Fault) {
    let administrator = test.open()
    let rows = try await administrator.read(
      """
      select format('%s.%s.%s', table_schema, table_name, column_name) from information_schema.columns
      where table_schema = any (\(schemas)) and data_type = 'bytea' and column_name like 'sealed\\_%'
      order by 1
      """
    )
    for row in rows { columns.append(try row.value(0)) }
    let listed = tables.flatMap { table in table.columns.map { "\(table.name).\($0)" } }.sorted()
    if listed != columns { failures.append("\(columns) are sealed, but \(listed) are listed") }
    for table in tables {
      for column in table.columns {
        try await examine(table, column, of: tables, administrator, dataKeys, tenant)
      }
    }
  }

  private mutating func examine(
    _ table: SealedTable,
    _ column: String,
    of tables: [SealedTable],
    _ administrator: Database,
    _ dataKeys: DataKeyStore,
    _ tenant: Tenant
  ) async throws(Fault) {
    let rows = try await administrator.read(
      """
      select \(unescaped: table.id), \(unescaped: column) from \(unescaped: table.name)
      where account_id = \(tenant.accountID) and \(unescaped: column) is not null limit 1
      """
    )
    guard let row = try rows.singleOrNone() else {
      failures.append("\(table.name).\(column) has no value to prove anything with")
      return
    }
    let (id, sealed) = try row.values(UUID.self, [UInt8].self)
    let own = table.place(column, row: id, account: tenant.accountID)
    do throws(Fault) {
      _ = try await dataKeys.open(sealed, in: own, of: tenant)
    } catch {
      failures.append("\(table.name).\(column) does not open: \(error)")
    }
    var others = [
      table.place(column, row: .v7(), account: tenant.accountID),
      table.place(column, row: id, account: .v7()),
    ]
    for other in tables {
      for otherColumn in other.columns where (other.name, otherColumn) != (table.name, column) {
        others.append(other.place(otherColumn, row: id, account: tenant.accountID))
      }
    }
    for place in others {
      guard (try? await dataKeys.open(sealed, in: place, of: tenant)) != nil else { continue }
      failures.append("\(table.name).\(column) opens at \(place)")
    }
  }
}
