public import CProtobufC

/// What is known of a message type at run time: protobuf-c's descriptor, which has names, types and offsets,
/// and beside it what the contract's options say of each field.
///
/// Schemas are generated, one for each message, and immutable. A message never contains itself, directly or
/// through others (the generator refuses that), so that protobuf-c's recursion is bounded by the contract.
public final class MessageSchema: Sendable {
  /// The full name, such as `latchkey.licenses.v1.License`.
  public let name: String
  /// protobuf-c's descriptor of the message.
  public var descriptor: UnsafePointer<ProtobufCMessageDescriptor> { constant.pointer }
  /// The fields, in the order of `descriptor.fields` (ascending by number).
  public let fields: [FieldSchema]
  /// What ``validate(_:)`` looks at.
  let checks: [FieldCheck]

  private let constant: Constant<ProtobufCMessageDescriptor>

  /// Joins a descriptor with what the contract says of its fields.
  ///
  /// - Parameters:
  ///   - descriptor: A constant of the generated C code, which lives as long as the process.
  ///   - contracts: One for each field, in the order of `descriptor.fields`.
  public init(
    _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>,
    _ contracts: [FieldContract]
  ) {
    let count = Int(descriptor.pointee.n_fields)
    precondition(contracts.count == count, "a contract for each field of the descriptor")
    constant = Constant(descriptor)
    name = String(cString: descriptor.pointee.name)
    let fields = (0..<count).map { index in
      FieldSchema(index: index, descriptor.pointee.fields + index, contracts[index])
    }
    self.fields = fields
    checks = fields.compactMap { FieldCheck($0) }
  }

  /// The position of the field with this JSON name.
  public func index(ofJSONName name: String) -> Int? {
    fields.firstIndex { $0.jsonName == name }
  }
}

/// A constant of C, which may be read from anywhere since nothing ever writes it.
struct Constant<Value>: @unchecked Sendable {
  let pointer: UnsafePointer<Value>

  init(_ pointer: UnsafePointer<Value>) {
    self.pointer = pointer
  }
}
