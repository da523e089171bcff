public import Faults

/// JSON text that is bound to, or read from, a `jsonb` column.
///
/// The server checks the text and keeps the values: the order of members and white space are lost.
public struct JSONB: Sendable, Hashable, PostgresScalar {
  /// The JSON text, UTF-8.
  public var text: [UInt8]

  /// Wraps JSON text.
  public init(text: [UInt8]) { self.text = text }

  /// The version that begins the binary form.
  private static let version: UInt8 = 1

  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.jsonb }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.jsonbArray }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 64 }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(JSONB.version)
    bytes.append(contentsOf: text)
    return true
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> JSONB {
    let bytes = try field.required("JSONB")
    switch field.type {
    case PostgresType.json: return JSONB(text: [UInt8](bytes))
    case PostgresType.jsonb where bytes.first == JSONB.version:
      return JSONB(text: [UInt8](bytes.dropFirst()))
    default: throw field.mismatch("JSONB")
    }
  }
}
