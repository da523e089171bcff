/// The object identifiers of the server's built-in types that values are sent and read as.
///
/// Source: PostgreSQL 15, `src/include/catalog/pg_type.dat`; they never change.
public enum PostgresType {
  /// A parameter whose type the server infers from where it stands.
  public static let inferred: UInt32 = 0
  /// `boolean`.
  public static let bool: UInt32 = 16
  /// `bytea`.
  public static let bytea: UInt32 = 17
  /// `name`, as in the server's catalogues.
  public static let name: UInt32 = 19
  /// `bigint`.
  public static let int8: UInt32 = 20
  /// `smallint`.
  public static let int2: UInt32 = 21
  /// `integer`.
  public static let int4: UInt32 = 23
  /// `text`.
  public static let text: UInt32 = 25
  /// `json`.
  public static let json: UInt32 = 114
  /// `double precision`.
  public static let float8: UInt32 = 701
  /// A literal whose type nobody has asked for.
  public static let unknown: UInt32 = 705
  /// `boolean[]`.
  public static let boolArray: UInt32 = 1_000
  /// `bytea[]`.
  public static let byteaArray: UInt32 = 1_001
  /// `smallint[]`.
  public static let int2Array: UInt32 = 1_005
  /// `integer[]`.
  public static let int4Array: UInt32 = 1_007
  /// `text[]`.
  public static let textArray: UInt32 = 1_009
  /// `bigint[]`.
  public static let int8Array: UInt32 = 1_016
  /// `double precision[]`.
  public static let float8Array: UInt32 = 1_022
  /// `character(n)`.
  public static let bpchar: UInt32 = 1_042
  /// `character varying`.
  public static let varchar: UInt32 = 1_043
  /// `timestamp with time zone`.
  public static let timestamptz: UInt32 = 1_184
  /// `timestamp with time zone[]`.
  public static let timestamptzArray: UInt32 = 1_185
  /// `void`, what a function without a result gives.
  public static let void: UInt32 = 2_278
  /// `uuid`.
  public static let uuid: UInt32 = 2_950
  /// `uuid[]`.
  public static let uuidArray: UInt32 = 2_951
  /// `jsonb`.
  public static let jsonb: UInt32 = 3_802
  /// `jsonb[]`.
  public static let jsonbArray: UInt32 = 3_807

  /// The first identifier of types that a database's users made, such as enums.
  static let firstUserDefined: UInt32 = 16_384

  /// Whether values of the type are plain text in binary form too.
  static func isText(_ type: UInt32) -> Bool {
    switch type {
    case text, varchar, bpchar, name, json, unknown: true
    // Of user-defined types only enums and the like are read as text; all others fail as bad UTF-8
    // or as a value that the reader does not know.
    default: type >= firstUserDefined
    }
  }
}
