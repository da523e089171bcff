internal import Messages
internal import Primitives
internal import Protobuf

/// The encoded caller of a channel's calls, which is mostly that of the call before.
struct EncodedCaller {
  private var caller: Boxed<Caller>?
  private var bytes: [UInt8] = []

  /// The caller's bytes; nil for nobody.
  mutating func encode(_ caller: Boxed<Caller>?) -> [UInt8]? {
    guard let caller else { return nil }
    if caller === self.caller { return bytes }
    // A secret is not kept.
    if caller.value.licenseKey != nil {
      var secret: [UInt8] = []
      caller.value.encode(appendingTo: &secret)
      return secret
    }
    bytes.removeAll(keepingCapacity: true)
    caller.value.encode(appendingTo: &bytes)
    self.caller = caller
    return bytes
  }
}
