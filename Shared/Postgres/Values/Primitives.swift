public import Faults
public import Primitives

extension UUID: PostgresScalar {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.uuid }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.uuidArray }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { UUID.byteCount }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(bigEndian: high)
    bytes.append(bigEndian: low)
    return true
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> UUID {
    guard field.type == PostgresType.uuid else { throw field.mismatch("UUID") }
    let bytes = try field.required("UUID", count: UUID.byteCount)
    return UUID(high: load(UInt64.self, bytes), low: load(UInt64.self, bytes, at: 8))
  }
}

/// `timestamptz` counts microseconds from 2000-01-01. Moments are written to the millisecond and read
/// rounded down to it; what a `timestamptz` cannot hold becomes its `infinity` or `-infinity`.
extension Timestamp: PostgresScalar {
  /// 2000-01-01T00:00:00Z in Unix milliseconds.
  private static let epochMilliseconds: Int64 = 946_684_800_000

  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.timestamptz }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.timestamptzArray }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 8 }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(bigEndian: microseconds)
    return true
  }
  private var microseconds: Int64 {
    let limit: Int64 = milliseconds < 0 ? .min : .max
    let (sinceEpoch, overflow) = milliseconds.subtractingReportingOverflow(Self.epochMilliseconds)
    if overflow { return limit }
    let (microseconds, carried) = sinceEpoch.multipliedReportingOverflow(by: 1_000)
    return carried ? limit : microseconds
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> Timestamp {
    guard field.type == PostgresType.timestamptz else { throw field.mismatch("Timestamp") }
    let microseconds = load(Int64.self, try field.required("Timestamp", count: 8))
    if microseconds == .min || microseconds == .max { return Timestamp(milliseconds: microseconds) }
    let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000)
    return Timestamp(milliseconds: quotient - (remainder < 0 ? 1 : 0) + epochMilliseconds)
  }
}

extension Environment: PostgresScalar {
  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { String.postgresType }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { String.postgresArrayType }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { 4 }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool { rawValue.encode(to: &bytes) }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> Environment {
    guard let environment = Environment(rawValue: try String.decode(field)) else {
      throw field.mismatch("Environment")
    }
    return environment
  }
}
