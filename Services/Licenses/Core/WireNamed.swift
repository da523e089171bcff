internal import Faults
internal import Messages
internal import Postgres
internal import Protobuf

/// An enum of the contract, which the database keeps by its name in JSON.
///
/// Names are the public contract and so never change; numbers in the database would need a key to be read.
protocol WireNamed: RawRepresentable where RawValue == Int32 {
  static var schema: EnumSchema { get }
}

extension WireNamed {
  /// The name in JSON and in the database.
  var wireName: String {
    guard let name = Self.schema.name(of: rawValue) else {
      preconditionFailure("\(Self.self) has a case that its contract does not know")
    }
    return name
  }
}

extension Row {
  /// Reads a column that holds the name of an enum's value.
  func named<Value: WireNamed>(_ column: Int) throws(Fault) -> Value {
    guard let value: Value = try namedOrNull(column) else {
      throw .internalError("Column \(column) is null where a \(Value.self) is expected")
    }
    return value
  }

  /// Reads a column that holds the name of an enum's value, or null.
  func namedOrNull<Value: WireNamed>(_ column: Int) throws(Fault) -> Value? {
    guard let name: String = try value(column) else { return nil }
    guard let number = Value.schema.number(named: name), let value = Value(rawValue: number) else {
      throw .internalError("Column \(column) holds no \(Value.self)")
    }
    return value
  }
}

extension License.Status: WireNamed {}
extension Policy.Template: WireNamed {}
extension Policy.ExpirationStrategy: WireNamed {}
extension Policy.HeartbeatCullStrategy: WireNamed {}
extension Policy.FingerprintUniqueness: WireNamed {}
extension Machine.Platform: WireNamed {}
