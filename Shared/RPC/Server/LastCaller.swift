internal import Faults
internal import Glibc
internal import Messages
internal import Primitives
internal import Protobuf

/// The caller of the call before, as it came and as it was read: callers that have much to ask ask in a row.
struct LastCaller {
  private var bytes: [UInt8] = []
  private var caller: Boxed<Caller>?

  /// The caller that came as these bytes, which `decode` reads where it is another one than before.
  mutating func read(
    _ bytes: UnsafeRawBufferPointer,
    _ decode: () throws(Fault) -> Caller
  ) throws(Fault) -> Boxed<Caller> {
    if let caller, self.bytes.isEqual(to: bytes) { return caller }
    let caller = Boxed(try decode())
    // A secret is not kept.
    self.bytes = caller.value.licenseKey == nil ? Array(bytes) : []
    self.caller = caller.value.licenseKey == nil ? caller : nil
    return caller
  }
}

extension [UInt8] {
  /// Whether these are the same bytes.
  func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    guard let address = other.baseAddress else { return true }
    return withUnsafeBytes { bytes in
      bytes.baseAddress.map { memcmp($0, address, other.count) == 0 } ?? true
    }
  }
}
