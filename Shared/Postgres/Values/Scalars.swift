public import Faults

extension [UInt8] {
  /// Appends a number's bytes, most significant byte first, as the server sends and reads them.
  @inline(__always)
  mutating func append<T: FixedWidthInteger>(bigEndian value: T) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }
}

/// Reads a number whose most significant byte comes first.
@inline(__always)
func load<T: FixedWidthInteger>(_ type: T.Type, _ bytes: UnsafeRawBufferPointer, at offset: Int = 0)
  -> T
{
  T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
}

/// Reads any of the server's integer types into a Swift type that has room for it.
private func integer<T: FixedWidthInteger>(_ field: Field, _ wanted: String) throws(Fault) -> T {
  let bytes = try field.required(wanted)
  let value: Int64
  switch (field.type, bytes.count) {
  case (PostgresType.int2, 2): value = Int64(load(Int16.self, bytes))
  case (PostgresType.int4, 4): value = Int64(load(Int32.self, bytes))
  case (PostgresType.int8, 8): value = load(Int64.self, bytes)
  default: throw field.mismatch(wanted)
  }
  guard let result = T(exactly: value) else { throw field.mismatch(wanted) }
  return result
}

extension Int16: PostgresScalar {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.int2 }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.int2Array }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 2 }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(bigEndian: self)
    return true
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> Int16 { try integer(field, "Int16") }
}

extension Int32: PostgresScalar {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.int4 }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.int4Array }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 4 }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(bigEndian: self)
    return true
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> Int32 { try integer(field, "Int32") }
}

extension Int64: PostgresScalar {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.int8 }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.int8Array }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 8 }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(bigEndian: self)
    return true
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> Int64 { try integer(field, "Int64") }
}

extension Int: PostgresScalar {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.int8 }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.int8Array }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 8 }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(bigEndian: Int64(self))
    return true
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> Int { try integer(field, "Int") }
}

extension Bool: PostgresScalar {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.bool }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.boolArray }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 1 }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(self ? 1 : 0)
    return true
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> Bool {
    guard field.type == PostgresType.bool else { throw field.mismatch("Bool") }
    return try field.required("Bool", count: 1)[0] != 0
  }
}

extension Double: PostgresScalar {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.float8 }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.float8Array }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 8 }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(bigEndian: bitPattern)
    return true
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> Double {
    guard field.type == PostgresType.float8 else { throw field.mismatch("Double") }
    return Double(bitPattern: load(UInt64.self, try field.required("Double", count: 8)))
  }
}

/// Text. A parameter takes the type of its place, so that enums and `varchar` need no cast.
///
/// The server stores no NUL in text: a string with one is refused by it as invalid input (22021).
extension String: PostgresScalar {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.inferred }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.textArray }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 16 }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(contentsOf: utf8)
    return true
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> String {
    guard PostgresType.isText(field.type) else { throw field.mismatch("String") }
    let bytes = try field.required("String")
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw field.mismatch("String")
    }
    return text
  }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { Wrapped.postgresType }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool { self?.encode(to: &bytes) ?? false }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> Wrapped? {
    guard field.bytes != nil else { return nil }
    return try Wrapped.decode(field)
  }
}
