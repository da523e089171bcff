/// One SQL statement with its parameters: `"select name from t where id = \(id)"`.
///
/// Interpolated values become `$1`, `$2` … and are bound in binary form, so a value can never be read
/// as SQL. Literals build the same text each time, which is what the prepared statement is found by;
/// `\(unescaped:)` inserts text as it is and is for names that the program itself has fixed.
public struct Query: Sendable {
  /// The text, with a number for each parameter.
  public private(set) var sql: String
  /// The declared types of the parameters.
  private(set) var types: [UInt32]
  /// Where each parameter's bytes end in ``bytes``; `-1` for a null.
  ///
  /// Each begins where the last ended.
  private(set) var ends: [Int32]
  /// The binary forms of all parameters, one after the other.
  private(set) var bytes: [UInt8]

  /// The most parameters a statement may have: the protocol counts them in 16 bits.
  public static let parametersMax = 65_535

  /// Makes a statement without parameters.
  public init(sql: String) {
    self.sql = sql
    types = []
    ends = []
    bytes = []
  }

  fileprivate init(literalCapacity: Int, interpolationCount: Int) {
    sql = ""
    types = []
    ends = []
    bytes = []
    sql.reserveCapacity(literalCapacity + interpolationCount * 2)
    types.reserveCapacity(interpolationCount)
    ends.reserveCapacity(interpolationCount)
  }

  fileprivate mutating func append(text: String) { sql += text }

  fileprivate mutating func bind<T: PostgresEncodable>(_ value: T) {
    precondition(
      types.count < Query.parametersMax,
      "A statement has too many parameters; use an array"
    )
    types.append(T.postgresType)
    let isPresent = value.encode(to: &bytes)
    // Int32 is what libpq takes; a parameter of 2 GiB is our own mistake.
    ends.append(isPresent ? Int32(bytes.count) : -1)
    sql += "$"
    sql += String(types.count)
  }

  /// Appends a part with parameters of its own, whose numbers go on from those that are there.
  fileprivate mutating func append(part: Query) {
    let typesBefore = types.count
    precondition(typesBefore + part.types.count <= Query.parametersMax, "too many parameters")
    let bytesBefore = Int32(bytes.count)
    var rest = part.sql[...]
    while let mark = rest.firstIndex(of: "$") {
      let digits = rest[rest.index(after: mark)...].prefix { $0.isWholeNumber }
      guard let number = Int(digits) else {
        preconditionFailure("A part of a statement has a $ that is no parameter")
      }
      sql += rest[...mark]
      sql += String(number + typesBefore)
      rest = rest[digits.endIndex...]
    }
    sql += rest
    types += part.types
    ends += part.ends.map { $0 < 0 ? $0 : $0 + bytesBefore }
    bytes += part.bytes
  }
}

extension Query: ExpressibleByStringInterpolation {
  /// Makes a statement from a literal.
  public init(stringLiteral value: String) { self.init(sql: value) }

  /// Makes a statement from a literal with parameters.
  public init(stringInterpolation: StringInterpolation) { self = stringInterpolation.query }

  /// Gathers the text and the parameters.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var query: Query

    /// Begins.
    public init(literalCapacity: Int, interpolationCount: Int) {
      query = Query(literalCapacity: literalCapacity, interpolationCount: interpolationCount)
    }

    /// Appends SQL.
    public mutating func appendLiteral(_ literal: String) { query.append(text: literal) }

    /// Binds a value to the next parameter.
    public mutating func appendInterpolation<T: PostgresEncodable>(_ value: T) { query.bind(value) }

    /// Binds a value to the next parameter; nil binds null.
    ///
    /// A method of its own, since the compiler takes an optional for a mistake where none is
    /// declared.
    public mutating func appendInterpolation<T: PostgresEncodable>(_ value: T?) {
      query.bind(value)
    }

    /// Inserts a part of a statement, with its parameters: for conditions that are there or not.
    ///
    /// Outside of parameters the part has no `$`.
    public mutating func appendInterpolation(_ part: Query) { query.append(part: part) }

    /// Inserts text as SQL.
    ///
    /// Never with anything that comes from outside the program.
    public mutating func appendInterpolation(unescaped sql: String) { query.append(text: sql) }
  }
}

extension Query: CustomStringConvertible {
  /// The SQL; parameters are never shown, since they may be secrets.
  public var description: String { sql }
}
