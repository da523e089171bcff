public import Faults

/// A value that travels as a protobuf message.
public protocol Message: Sendable {
  /// Reads a message, refusing what its contract does not allow.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every issue when bytes are malformed, a required field is
  ///   absent, a string is not UTF-8 or contains NUL, an enum value is unknown, or a constraint does not hold;
  ///   `resourceExhausted` when reading would take more memory than a message may.
  init(decoding bytes: UnsafeRawBufferPointer) throws(Fault)

  /// Appends the encoded message to `output`.
  func encode(appendingTo output: inout [UInt8])
}

/// A message that knows its contract; every generated message is one.
public protocol ContractMessage: Message {
  /// What is known of the message type at run time.
  static var schema: MessageSchema { get }
}
