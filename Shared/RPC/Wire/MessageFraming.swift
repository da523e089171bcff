internal import Faults
internal import Protobuf

/// The five bytes before each message: a flag for compression, and the length, big-endian.
///
/// Source: gRPC, `doc/PROTOCOL-HTTP2.md`, "Length-Prefixed-Message".
enum MessageFraming {
  static let prefixBytes = 5
  /// The largest message that either side takes; gRPC's customary default.
  static let messageBytesMax = 4 * 1024 * 1024

  /// Where the next message lies in `bytes` from `offset` on; nil while it is incomplete.
  ///
  /// An over-long message is refused by its prefix, before its bytes have come.
  static func next(
    in bytes: [UInt8],
    from offset: Int,
    bytesMax: Int = messageBytesMax
  ) throws(Fault) -> Range<Int>? {
    guard bytes.count - offset >= prefixBytes else { return nil }
    switch bytes[offset] {
    case 0: break
    case 1:
      throw Fault(
        .unimplemented,
        "Compressed messages are not accepted; send them with grpc-encoding identity"
      )
    default: throw Fault(.internalError, "A message began with an unknown flag")
    }
    let length =
      Int(bytes[offset + 1]) << 24 | Int(bytes[offset + 2]) << 16 | Int(bytes[offset + 3]) << 8
      | Int(bytes[offset + 4])
    guard length <= bytesMax else {
      throw Fault(
        .resourceExhausted,
        "A message of \(length) bytes is over the limit of \(bytesMax)"
      )
    }
    let start = offset + prefixBytes
    return bytes.count - start >= length ? start..<start + length : nil
  }

  /// Appends a message with its prefix.
  static func append(_ message: some Message, to output: inout [UInt8]) {
    append(to: &output) { message.encode(appendingTo: &$0) }
  }

  /// Appends what `write` appends, as a message with its prefix.
  static func append(to output: inout [UInt8], _ write: (inout [UInt8]) -> Void) {
    let start = output.count
    for _ in 0..<prefixBytes { output.append(0) }
    write(&output)
    let length = output.count - start - prefixBytes
    output[start + 1] = UInt8(truncatingIfNeeded: length >> 24)
    output[start + 2] = UInt8(truncatingIfNeeded: length >> 16)
    output[start + 3] = UInt8(truncatingIfNeeded: length >> 8)
    output[start + 4] = UInt8(truncatingIfNeeded: length)
  }

  /// Decodes the message in a range of the bytes.
  static func decode<M: Message>(_ range: Range<Int>, of bytes: [UInt8]) throws(Fault) -> M {
    try bytes.withUnsafeBufferPointer { buffer throws(Fault) in
      try M(decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[range]))
    }
  }
}
