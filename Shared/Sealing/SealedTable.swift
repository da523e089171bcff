public import Cryptography
public import Primitives

/// A table with sealed columns: what has to be sealed anew when keys are rotated.
///
///     static let licenses = SealedTable("licenses.licenses", columns: ["sealed_key", "sealed_file_secret"])
///
/// A service lists all of its own; a test compares the list with the columns named `sealed_*` that the database has.
public struct SealedTable: Sendable, Hashable {
  /// The table with its schema.
  public let name: String
  /// The column with the row's id, a UUID that is unique within a tenant and indexed: sealed values are bound to it.
  public let id: String
  /// The sealed columns, each null or sealed.
  public let columns: [String]
  /// Whether rows have an environment beside their account.
  public let hasEnvironment: Bool
  /// Which rows are the service's, where it shares the table with others; SQL.
  public let condition: String
  /// How many rows are sealed anew in one transaction.
  public let batchRows: Int

  /// Names a table.
  ///
  /// - Precondition: All names are fixed by the program.
  public init(
    _ name: String,
    id: String = "id",
    columns: [String],
    hasEnvironment: Bool = true,
    condition: String = "true",
    batchRows: Int = 200
  ) {
    self.name = name
    self.id = id
    self.columns = columns
    self.hasEnvironment = hasEnvironment
    self.condition = condition
    self.batchRows = batchRows
  }

  /// Where a value of this table lies.
  ///
  /// - Precondition: The column is one of the sealed ones.
  public func place(_ column: String, row: UUID, account: UUID) -> SealingContext {
    precondition(columns.contains(column), "\(name).\(column) is not declared as sealed")
    return SealingContext(accountID: account, table: name, column: column, rowID: row)
  }

  /// The columns with their table, as people are told.
  var places: [String] { columns.map { "\(name).\($0)" } }

  /// The tenants whose rows the table may have, of one account.
  func tenants(of account: UUID) -> [Tenant] {
    let environments: [Environment] = hasEnvironment ? [.test, .live] : [.live]
    return environments.map { Tenant(accountID: account, environment: $0) }
  }
}
