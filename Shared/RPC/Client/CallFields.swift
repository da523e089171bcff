internal import HTTP
internal import Messages
internal import Primitives

/// Writes the header fields of a channel's calls.
///
/// Calls in a row mostly have as much time and the same caller, since the id of the request travels apart from it. What
/// they have in common is written once and stays, and HPACK knows it from the second call on.
struct CallFields {
  private var fields = HeaderFields()
  /// How many of the fields stand for the time and the caller below.
  private var commonCount = 0
  private var milliseconds: Int64 = 0
  private var caller: Boxed<Caller>?
  /// Whether the caller was that of the call before too.
  private var isRepeated = false
  private var callerBytes: [UInt8] = []

  /// The fields of a call.
  ///
  /// - Parameters:
  ///   - options: What is said beside the request.
  ///   - nanoseconds: The time for the call.
  /// - Returns: The fields.
  mutating func write(_ options: CallOptions, nanoseconds: Int64) -> HeaderFields {
    // As timers count, so that calls with the same time for them say the same.
    let milliseconds = (nanoseconds + 999_999) / 1_000_000
    // A caller with a secret is written anew each time.
    let isRepeated =
      (options.sharedCaller === caller || options.caller == caller?.value)
      && caller?.value.licenseKey == nil
    if commonCount > 0, isRepeated, self.isRepeated, milliseconds == self.milliseconds {
      fields.removeLast(fields.count - commonCount)
    } else {
      self.isRepeated = isRepeated
      self.milliseconds = milliseconds
      caller = options.sharedCaller
      writeCommon()
    }
    if let id = options.requestID { fields.append("latchkey-request-id", id, isOneOff: true) }
    fields.append(contentsOf: options.metadata)
    return fields
  }

  private mutating func writeCommon() {
    fields.removeAll()
    fields.append(contentsOf: CallFields.constant)
    fields.append("grpc-timeout", Timeout.format(milliseconds * 1_000_000))
    if let caller {
      callerBytes.removeAll(keepingCapacity: true)
      caller.value.encode(appendingTo: &callerBytes)
      fields.append(
        binary: "latchkey-caller-bin",
        callerBytes,
        isOneOff: !isRepeated,
        isSecret: caller.value.licenseKey != nil
      )
    }
    commonCount = fields.count
  }

  /// What every call says.
  static let constant = HeaderFields([
    "content-type": "application/grpc", "te": "trailers", "grpc-accept-encoding": "identity",
    "user-agent": "latchkey",
  ])
}
