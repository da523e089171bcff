internal import CPQ
public import Faults

/// The one owner of a result of libpq.
///
/// Unchecked, because libpq's manual gives what the compiler cannot see: "PGresult objects are normally
/// read-only after creation, and so can be passed around freely between threads" (34.20).
private final class ResultHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit { PQclear(pointer) }
}

/// The rows that a statement gave.
public struct Rows: Sendable, RandomAccessCollection {
  private let handle: ResultHandle?
  /// How many rows there are.
  public let count: Int
  /// How many columns each row has.
  public let columnCount: Int
  /// The rows that an INSERT, UPDATE or DELETE changed, or that a SELECT gave.
  public var affectedCount: Int {
    guard let handle, let text = PQcmdTuples(handle.pointer) else { return 0 }
    return Int(String(cString: text)) ?? 0
  }

  /// The position of the first row.
  public var startIndex: Int { 0 }
  /// The position after the last row.
  public var endIndex: Int { count }

  /// No rows, of a statement that was never run.
  static let none = Rows()

  private init() {
    handle = nil
    count = 0
    columnCount = 0
  }

  /// Takes over a result, which is freed with the last copy.
  init(owning result: OpaquePointer) {
    handle = ResultHandle(owning: result)
    count = Int(PQntuples(result))
    columnCount = Int(PQnfields(result))
  }

  /// The row at a position.
  public subscript(index: Int) -> Row {
    precondition(index >= 0 && index < count, "There is no row \(index)")
    return Row(rows: self, index: Int32(index))
  }

  /// Lends one value; the bytes are the result's and live as long as it does.
  @usableFromInline
  func field(row: Int32, column: Int) throws(Fault) -> Field {
    guard let handle, column >= 0, column < columnCount else {
      throw .internalError("A row has \(columnCount) columns; column \(column) was asked for")
    }
    let column = Int32(column)
    let type = PQftype(handle.pointer, column)
    let length = Int(PQgetlength(handle.pointer, row, column))
    // A null has no length, so only what has none needs a closer look.
    if length == 0, PQgetisnull(handle.pointer, row, column) == 1 {
      return Field(bytes: nil, type: type)
    }
    let start = UnsafeRawPointer(PQgetvalue(handle.pointer, row, column))
    return Field(bytes: UnsafeRawBufferPointer(start: start, count: length), type: type)
  }
}

/// One row of a result.
public struct Row: Sendable {
  @usableFromInline let rows: Rows
  @usableFromInline let index: Int32

  fileprivate init(rows: Rows, index: Int32) {
    self.rows = rows
    self.index = index
  }

  /// Reads a column, counted from zero, as the type that the caller names: `let id: UUID = try
  /// row.value(0)`.
  ///
  /// Null can be read as an optional only.
  ///
  /// - Throws: ``Fault`` `internalError` when the column does not hold such a value.
  @inlinable
  public func value<T: PostgresDecodable>(_ column: Int) throws(Fault) -> T {
    // The bytes are the result's, so it must outlive the reading.
    try withExtendedLifetime(rows) { () throws(Fault) in
      try T.decode(try rows.field(row: index, column: column))
    }
  }

  /// Reads all columns, in order: `let (id, name) = try row.values(UUID.self, String?.self)`.
  ///
  /// - Throws: ``Fault`` `internalError` when there are not exactly as many, or one does not fit.
  @inlinable
  public func values<each T: PostgresDecodable>(
    _ types: repeat (each T).Type
  ) throws(Fault) -> (repeat each T) {
    var column = 0
    func next<V: PostgresDecodable>(_ type: V.Type) throws(Fault) -> V {
      defer { column += 1 }
      return try value(column)
    }
    let values = (repeat try next(each types))
    guard column == rows.columnCount else {
      throw .internalError("A row has \(rows.columnCount) columns; the code reads \(column)")
    }
    return values
  }
}

extension Rows {
  /// The only row of a statement that gives exactly one.
  ///
  /// - Throws: ``Fault`` `internalError` when there is none, or several.
  public func single() throws(Fault) -> Row {
    guard count == 1 else { throw .internalError("One row was expected, \(count) came") }
    return self[0]
  }

  /// The row of a statement that gives one or none.
  ///
  /// - Throws: ``Fault`` `internalError` when there are several.
  public func singleOrNone() throws(Fault) -> Row? {
    count == 0 ? nil : try single()
  }
}
