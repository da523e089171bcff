public import Faults
public import Postgres
public import Protobuf

/// An enum of the contract, which the database keeps by its name in JSON.
///
/// Names are the public contract and so never change; numbers in the database would need a key to be read.
public protocol WireNamed: RawRepresentable where RawValue == Int32 {
  /// The names.
  static var schema: EnumSchema { get }
}

extension WireNamed {
  /// The name in JSON and in the database.
  public var wireName: String {
    guard let name = Self.schema.name(of: rawValue) else {
      preconditionFailure("\(Self.self) has a case that its contract does not know")
    }
    return name
  }

  /// The value of a name; nil when none has it.
  public init?(wireName: String) {
    guard let number = Self.schema.number(named: wireName) else { return nil }
    self.init(rawValue: number)
  }
}

extension Row {
  /// Reads a column that holds the name of an enum's value.
  ///
  /// - Throws: ``Fault`` `internalError` when it holds none.
  public func named<Value: WireNamed>(_ column: Int) throws(Fault) -> Value {
    guard let value: Value = try namedOrNull(column) else {
      throw .internalError("Column \(column) is null where a \(Value.self) is expected")
    }
    return value
  }

  /// Reads a column that holds the name of an enum's value, or null.
  ///
  /// - Throws: ``Fault`` `internalError` when it holds something else.
  public func namedOrNull<Value: WireNamed>(_ column: Int) throws(Fault) -> Value? {
    guard let name: String = try value(column) else { return nil }
    guard let value = Value(wireName: name) else {
      throw .internalError("Column \(column) holds no \(Value.self)")
    }
    return value
  }
}
