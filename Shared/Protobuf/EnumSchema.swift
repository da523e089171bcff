/// The values of an enum and their names in JSON.
public final class EnumSchema: Sendable {
  /// One value.
  public struct Value: Sendable {
    /// The number on the wire.
    public let number: Int32
    /// The name in JSON.
    public let name: String
  }

  /// The full name, such as `latchkey.licenses.v1.LicenseStatus`.
  public let name: String
  /// The values, in the order of the contract.
  public let values: [Value]
  private let numbers: [Int32]

  /// Makes a schema from pairs of number and JSON name.
  public init(_ name: String, _ values: [(Int32, String)]) {
    self.name = name
    numbers = values.map(\.0)
    self.values = values.map { Value(number: $0.0, name: $0.1) }
  }

  /// Whether the contract knows the number.
  public func contains(_ number: Int32) -> Bool { numbers.contains(number) }

  /// The JSON name of a number; nil when the contract does not know the number.
  public func name(of number: Int32) -> String? {
    values.first { $0.number == number }?.name
  }

  /// The number of a JSON name; nil when the contract does not know the name.
  public func number(named name: String) -> Int32? {
    values.first { $0.name == name }?.number
  }
}
