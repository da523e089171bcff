internal import Cryptography
internal import EventLoop
internal import Faults
internal import Logging
internal import Postgres
internal import Primitives

/// Rows of a table on their way under another data key.
struct SealedBatch {
  private let table: SealedTable
  private let key: DataKey
  private(set) var ids: [UUID] = []
  /// The values of each column, row by row.
  private var values: [[[UInt8]?]]
  /// How many rows cannot be opened, and stay as they are.
  private(set) var damagedCount = 0

  init(_ table: SealedTable, by key: DataKey) {
    self.table = table
    self.key = key
    values = table.columns.map { _ in [] }
  }

  /// Takes a row: its id, then its sealed columns.
  ///
  /// - Throws: Faults of the database. A row that cannot be opened is told in the log, and left as it is: it must not
  ///   keep all others from coming under the new key.
  @EventLoop
  mutating func add(
    _ row: Row,
    _ tenant: Tenant,
    _ keys: KnownDataKeys,
    _ log: Logger
  ) async throws(Fault) {
    let id: UUID = try row.value(0)
    var sealed: [[UInt8]?] = []
    do throws(Fault) {
      for (index, column) in table.columns.enumerated() {
        let before: [UInt8]? = try row.value(index + 1)
        guard let before, DataKey.version(ofSealed: before) != key.version else {
          sealed.append(before)
          continue
        }
        let place = table.place(column, row: id, account: tenant.accountID)
        let version = DataKey.version(ofSealed: before) ?? 0
        var value = try await keys.key(of: tenant, version: version).open(before, in: place)
        defer { wipe(&value) }
        sealed.append(key.seal(value, in: place))
      }
    } catch {
      guard error.code == .dataLoss else { throw error }
      damagedCount += 1
      log.error("a sealed value cannot be opened", error: error)
      return
    }
    ids.append(id)
    for (index, value) in sealed.enumerated() { values[index].append(value) }
  }

  /// Writes the new values in the place of the old.
  var update: Query {
    let names = table.columns.indices.map { "value\($0)" }
    let sets = zip(table.columns, names).map { "\($0) = n.\($1)" }.joined(separator: ", ")
    var arrays: Query = "\(ids)"
    for value in values { arrays = "\(arrays), \(value)" }
    return """
      update \(unescaped: table.name) t set \(unescaped: sets)
      from unnest(\(arrays)) as n (id, \(unescaped: names.joined(separator: ", ")))
      where t.\(unescaped: table.id) = n.id
      """
  }
}
