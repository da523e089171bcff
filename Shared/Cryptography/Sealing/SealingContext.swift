public import Primitives

/// The one place a sealed value belongs to; moved anywhere else it cannot be opened.
public struct SealingContext: Hashable, Sendable {
  /// The account whose data key seals the value.
  public let accountID: UUID
  /// The table with its schema, such as `licenses.license_keys`.
  public let table: String
  /// The column, such as `sealed_key`.
  public let column: String
  /// The row.
  public let rowID: UUID

  /// Names a place.
  ///
  /// After a table or column is renamed, go on using its old name here.
  ///
  /// - Precondition: Table and column have 1 to 255 bytes.
  public init(accountID: UUID, table: String, column: String, rowID: UUID) {
    precondition((1...255).contains(table.utf8.count) && (1...255).contains(column.utf8.count))
    self.accountID = accountID
    self.table = table
    self.column = column
    self.rowID = rowID
  }

  /// The associated data of a value that is sealed here: each part has a fixed size or its length
  /// before it, so that no two places have the same bytes.
  func associatedData(header: [UInt8]) -> [UInt8] {
    var data: [UInt8] = []
    data.reserveCapacity(header.count + 34 + table.utf8.count + column.utf8.count)
    data += header
    accountID.appendBytes(to: &data)
    data.append(UInt8(table.utf8.count))
    data += table.utf8
    data.append(UInt8(column.utf8.count))
    data += column.utf8
    rowID.appendBytes(to: &data)
    return data
  }
}
