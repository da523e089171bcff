public import Faults

/// The bytes of a message as they are, for who passes messages on without reading them.
///
/// The bytes are not looked at; the message's schema is known to who made them, not to this type.
public struct RawMessage: Message, Equatable {
  /// The encoded message.
  public var bytes: [UInt8]

  /// Takes bytes that were encoded elsewhere.
  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Copies the bytes.
  public init(decoding bytes: UnsafeRawBufferPointer) throws(Fault) {
    self.bytes = Array(bytes)
  }

  /// Appends the bytes.
  public func encode(appendingTo output: inout [UInt8]) {
    output.append(contentsOf: bytes)
  }
}
