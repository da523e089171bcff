internal import CProtobufC
public import Faults
internal import Protobuf

extension ResponsePlan {
  /// Turns an encoded message into JSON text.
  ///
  /// - Parameters:
  ///   - bytes: What a service answered.
  ///   - isEnveloped: Whether the object is wrapped as `{"data": ...}`.
  /// - Returns: The text, compact, in UTF-8.
  /// - Throws: ``Fault`` `internalError` when the bytes are not such a message, or not UTF-8 where they
  ///   should be text.
  public func json(_ bytes: [UInt8], isEnveloped: Bool) throws(Fault) -> [UInt8] {
    let arena = Arena()
    let message: UnsafeMutablePointer<ProtobufCMessage>
    do throws(Fault) {
      message = try bytes.span.withUnsafeBytes {
        (bytes) throws(Fault) -> UnsafeMutablePointer<ProtobufCMessage> in
        try arena.unpack(bytes, schema)
      }
    } catch {
      throw .internalError("A service's answer is not a \(schema.name)", cause: error)
    }
    // Text is longer than the message by its names: 2 or 3 times.
    var text = JSONText(capacity: 256 + 3 * bytes.count)
    if isEnveloped {
      text.beginObject()
      text.key("data")
    }
    text.message(UnsafeRawPointer(message), self)
    if isEnveloped { text.endObject() }
    // Services check text as it comes in; this is for what got around them. It reads 16 bytes at a time.
    guard (try? UTF8Span(validating: text.bytes.span)) != nil else {
      throw .internalError("A service's answer has text that is not UTF-8")
    }
    return text.bytes
  }
}
