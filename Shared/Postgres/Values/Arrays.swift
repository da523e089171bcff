public import Faults
public import Primitives

// The binary form of an array: dimensions, whether it has nulls, element type; for each dimension its
// length and lower bound; then each element as a length (-1 for null) and its bytes. All numbers are
// 32 bits. Source: PostgreSQL 15, `src/backend/utils/adt/arrayfuncs.c`, `array_recv`.

/// Bytes before the elements of an array of one dimension.
private let headerByteCount = 20

/// What the array's elements are declared as; the wire has no "inferred" here.
private func elementType(ofArray type: UInt32) -> UInt32 {
  switch type {
  case PostgresType.boolArray: PostgresType.bool
  case PostgresType.byteaArray: PostgresType.bytea
  case PostgresType.int2Array: PostgresType.int2
  case PostgresType.int4Array: PostgresType.int4
  case PostgresType.int8Array: PostgresType.int8
  case PostgresType.float8Array: PostgresType.float8
  case PostgresType.timestamptzArray: PostgresType.timestamptz
  case PostgresType.uuidArray: PostgresType.uuid
  case PostgresType.jsonbArray: PostgresType.jsonb
  default: PostgresType.text
  }
}

/// Writes an array whose elements append themselves; `sizeHint` is the usual size of one.
@inline(__always)
func encodeArray<T>(
  _ array: [T],
  type: UInt32,
  sizeHint: Int,
  hasNulls: Bool,
  to bytes: inout [UInt8],
  _ encode: (T, inout [UInt8]) -> Bool
) {
  bytes.reserveCapacity(bytes.count + headerByteCount + array.count * (4 + sizeHint))
  bytes.append(bigEndian: Int32(array.isEmpty ? 0 : 1))
  bytes.append(bigEndian: Int32(hasNulls ? 1 : 0))
  bytes.append(bigEndian: elementType(ofArray: type))
  if array.isEmpty { return }
  bytes.append(bigEndian: Int32(array.count))
  bytes.append(bigEndian: Int32(1))
  for element in array {
    let start = bytes.count
    bytes.append(bigEndian: Int32(-1))
    guard encode(element, &bytes) else { continue }
    let length = Int32(bytes.count - start - 4).bigEndian
    bytes.withUnsafeMutableBytes {
      $0.storeBytes(of: length, toByteOffset: start, as: Int32.self)
    }
  }
}

/// Reads an array of at most one dimension, element by element.
@inline(__always)
private func decodeArray<T>(
  _ field: Field,
  _ decode: (Field) throws(Fault) -> T
) throws(Fault) -> [T] {
  let bytes = try field.required("array")
  guard bytes.count >= 12 else { throw field.mismatch("array") }
  let dimensionCount = load(Int32.self, bytes)
  let elementType = load(UInt32.self, bytes, at: 8)
  if dimensionCount == 0 { return [] }
  guard dimensionCount == 1, bytes.count >= headerByteCount else { throw field.mismatch("array") }
  let count = Int(load(Int32.self, bytes, at: 12))
  // Each element takes four bytes at least, so a false count cannot reserve more than was received.
  guard count >= 0, count <= (bytes.count - headerByteCount) / 4 else {
    throw field.mismatch("array")
  }
  var array: [T] = []
  array.reserveCapacity(count)
  var offset = headerByteCount
  for _ in 0..<count {
    guard bytes.count - offset >= 4 else { throw field.mismatch("array") }
    let length = Int(load(Int32.self, bytes, at: offset))
    offset += 4
    guard length >= 0 else {
      array.append(try decode(Field(bytes: nil, type: elementType)))
      continue
    }
    guard bytes.count - offset >= length else { throw field.mismatch("array") }
    let element = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
    array.append(try decode(Field(bytes: element, type: elementType)))
    offset += length
  }
  return array
}

extension PostgresScalar {
  /// Appends the binary form of the whole array.
  public static func encode(array: [Self], to bytes: inout [UInt8]) {
    encodeArray(
      array,
      type: postgresArrayType,
      sizeHint: postgresSizeHint,
      hasNulls: false,
      to: &bytes
    ) { element, bytes in element.encode(to: &bytes) }
  }

  /// Reads a whole array; a null in it is an error.
  public static func decode(array field: Field) throws(Fault) -> [Self] {
    try decodeArray(field) { (element) throws(Fault) in try Self.decode(element) }
  }
}

extension Optional: PostgresElement where Wrapped: PostgresScalar {
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { Wrapped.postgresArrayType }
  /// Appends the binary form of the whole array.
  public static func encode(array: [Wrapped?], to bytes: inout [UInt8]) {
    encodeArray(
      array,
      type: postgresArrayType,
      sizeHint: Wrapped.postgresSizeHint,
      hasNulls: array.contains { $0 == nil },
      to: &bytes
    ) { element, bytes in element.encode(to: &bytes) }
  }
  /// Reads a whole array.
  public static func decode(array field: Field) throws(Fault) -> [Wrapped?] {
    try decodeArray(field) { (element) throws(Fault) in try Wrapped?.decode(element) }
  }
}

/// An array of bytes is not an array to the server: it is a `bytea`.
extension UInt8: PostgresElement {
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.bytea }
  /// Appends the binary form of the whole array.
  public static func encode(array: [UInt8], to bytes: inout [UInt8]) {
    bytes.append(contentsOf: array)
  }
  /// Reads a whole array.
  public static func decode(array field: Field) throws(Fault) -> [UInt8] {
    guard field.type == PostgresType.bytea else { throw field.mismatch("bytes") }
    return [UInt8](try field.required("bytes"))
  }
}

extension Array: PostgresEncodable where Element: PostgresElement {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { Element.postgresArrayType }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    Element.encode(array: self, to: &bytes)
    return true
  }
}

extension Array: PostgresDecodable where Element: PostgresElement {
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> [Element] {
    try Element.decode(array: field)
  }
}

// The hashes and ids that batches ask for: written out, so that the loop knows the type of its elements.
extension Digest {
  /// Appends the binary form of the whole array.
  public static func encode(array: [Digest], to bytes: inout [UInt8]) {
    encodeArray(
      array,
      type: postgresArrayType,
      sizeHint: postgresSizeHint,
      hasNulls: false,
      to: &bytes
    ) { element, bytes in element.encode(to: &bytes) }
  }
}

extension UUID {
  /// Appends the binary form of the whole array.
  public static func encode(array: [UUID], to bytes: inout [UInt8]) {
    encodeArray(
      array,
      type: postgresArrayType,
      sizeHint: postgresSizeHint,
      hasNulls: false,
      to: &bytes
    ) { element, bytes in element.encode(to: &bytes) }
  }
}

/// `[[UInt8]]` is an array of `bytea`, the form in which hashes are asked for.
extension Array: PostgresScalar, PostgresElement where Element == UInt8 {
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.byteaArray }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 32 }
}
