internal import CPQ

/// An error that the server reported: the cause beneath the ``Fault`` that callers get.
///
/// The report's DETAIL and HINT are not kept, as the server quotes values of rows in them.
public struct ServerError: Error, Sendable, Equatable {
  /// The kind of error.
  public let state: SQLState
  /// The server's sentence; empty for errors of data (class 22), whose sentences quote the data.
  public let message: String
  /// The constraint that was violated, where it was one.
  public let constraint: String?
  /// The table it happened in, with its schema, where the server says so.
  public let table: String?
  /// The column it happened in, where the server says so.
  public let column: String?

  init(
    state: SQLState,
    message: String,
    constraint: String? = nil,
    table: String? = nil,
    column: String? = nil
  ) {
    self.state = state
    self.message = state.isAboutData ? "" : message
    self.constraint = constraint
    self.table = table
    self.column = column
  }

  /// Copies what is needed out of a failed result, which stays its owner's.
  init(of result: OpaquePointer) {
    func field(_ code: Int32) -> String? {
      PQresultErrorField(result, code).map { String(cString: $0) }
    }
    let table = field(CPQ_DIAG_TABLE_NAME).map { name in
      field(CPQ_DIAG_SCHEMA_NAME).map { "\($0).\(name)" } ?? name
    }
    self.init(
      // Libpq's own errors, such as a lost connection, carry no state.
      state: SQLState(field(CPQ_DIAG_SQLSTATE) ?? SQLState.connectionFailure.code),
      message: field(CPQ_DIAG_MESSAGE_PRIMARY) ?? "",
      constraint: field(CPQ_DIAG_CONSTRAINT_NAME),
      table: table,
      column: field(CPQ_DIAG_COLUMN_NAME)
    )
  }
}

extension ServerError: CustomStringConvertible {
  /// What happened and where; never a value.
  public var description: String {
    var text = "SQLSTATE \(state.code)"
    if !message.isEmpty { text += ": \(message)" }
    if let table { text += " (table \(table))" }
    if let column { text += " (column \(column))" }
    if let constraint { text += " (constraint \(constraint))" }
    return text
  }
}
