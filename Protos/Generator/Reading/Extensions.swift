import CDescriptors
import CProtobufC

/// The options of ours that an options message of `descriptor.proto` carries.
///
/// protobuf-c knows no extensions: they are among the unknown fields.
struct Extensions {
  /// The number of a field and its encoded values, in order.
  ///
  /// Text format writes an option that is set part by
  /// part as several values, which are to be merged; protobuf merges by concatenation.
  private var values: [UInt32: [[UInt8]]] = [:]

  init(_ options: UnsafePointer<ProtobufCMessage>?) {
    guard let options else { return }
    let unknown = UnsafeBufferPointer(
      start: options.pointee.unknown_fields,
      count: Int(options.pointee.n_unknown_fields)
    )
    for field in unknown {
      var data = UnsafeBufferPointer(start: field.data, count: field.len)[...]
      if field.wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED {
        // The data begins with the length, a varint whose last byte has no high bit.
        data = data.drop { $0 & 0x80 != 0 }.dropFirst()
      }
      values[field.tag, default: []].append(Array(data))
    }
  }

  /// All values of a repeated string option, or the one value of a singular one.
  func strings(_ number: UInt32) -> [String] {
    (values[number] ?? []).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The last value of a boolean option.
  func bool(_ number: UInt32) -> Bool? {
    values[number]?.last.map { $0 != [0] }
  }

  /// A message option, while `body` runs; `initialize` is the type's `init` function.
  func message<Structure, Value>(
    _ number: UInt32,
    _ initialize: (UnsafeMutablePointer<Structure>?) -> Void,
    _ body: (Structure) throws(Failure) -> Value
  ) throws(Failure) -> Value? {
    guard let parts = values[number] else { return nil }
    let bytes = parts.flatMap { $0 }
    // protoc-c's `init` functions know the descriptor of the type.
    let empty = UnsafeMutablePointer<Structure>.allocate(capacity: 1)
    defer { empty.deallocate() }
    initialize(empty)
    let descriptor = base(empty)?.pointee.descriptor
    guard let message = protobuf_c_message_unpack(descriptor, nil, bytes.count, bytes) else {
      throw Failure("option \(number) cannot be read")
    }
    defer { protobuf_c_message_free_unpacked(message, nil) }
    return try body(UnsafeRawPointer(message).assumingMemoryBound(to: Structure.self).pointee)
  }
}

/// The numbers of our options, as `latchkey/options.proto` has them.
enum OptionNumber {
  static let methodREST: UInt32 = 50001
  static let methodCall: UInt32 = 50002
  static let serviceCallers: UInt32 = 50001
  static let field: UInt32 = 50001
  static let enumValueWire: UInt32 = 50001
  static let fileImplicitPresence: UInt32 = 50001
  static let fileSwiftPrefix: UInt32 = 50002
}
