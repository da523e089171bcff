public import Faults

/// A value that can be bound to a parameter of a ``Query``, in the server's binary form.
public protocol PostgresEncodable {
  /// The type the parameter is declared as; ``PostgresType/inferred`` leaves it to the server.
  static var postgresType: UInt32 { get }

  /// Appends the value's binary form. Nothing is appended for null.
  ///
  /// - Returns: False for null.
  func encode(to bytes: inout [UInt8]) -> Bool
}

/// A value that can be read from a column of a result.
public protocol PostgresDecodable {
  /// Reads the value.
  ///
  /// - Throws: ``Fault`` `internalError` when the column holds another type, or null where the value
  ///   has no null: the query and the code that reads it do not fit each other.
  static func decode(_ field: Field) throws(Fault) -> Self
}

/// A value that can stand alone, in arrays, and in either place be null.
public protocol PostgresScalar: PostgresEncodable, PostgresDecodable, PostgresElement {
  /// The type of an array of such values.
  static var postgresArrayType: UInt32 { get }
  /// The bytes that the binary form of most values takes, for reserving space.
  static var postgresSizeHint: Int { get }
}

/// What arrays are made of: scalars, scalars that may be null, and bytes (which make a `bytea`).
public protocol PostgresElement {
  /// The type of an array of such elements.
  static var postgresArrayType: UInt32 { get }
  /// Appends the binary form of the whole array.
  static func encode(array: [Self], to bytes: inout [UInt8])
  /// Reads a whole array.
  static func decode(array field: Field) throws(Fault) -> [Self]
}

/// One column of one row, lent for the time of a ``PostgresDecodable/decode(_:)``.
public struct Field {
  /// The binary form; nil for null.
  ///
  /// Valid only during the call it is given to.
  public let bytes: UnsafeRawBufferPointer?
  /// The object identifier of the column's type.
  public let type: UInt32

  /// Lends a value.
  public init(bytes: UnsafeRawBufferPointer?, type: UInt32) {
    self.bytes = bytes
    self.type = type
  }

  /// The bytes, which must be there and, where `count` is given, be that many.
  public func required(_ wanted: String, count: Int? = nil) throws(Fault) -> UnsafeRawBufferPointer
  {
    guard let bytes else {
      throw .internalError("A column is null where the code expects a \(wanted)")
    }
    if let count, bytes.count != count { throw mismatch(wanted) }
    return bytes
  }

  /// Why the column cannot be read as what the code wants.
  public func mismatch(_ wanted: String) -> Fault {
    .internalError("A column of type \(type) cannot be read as \(wanted)")
  }
}
