/// A call on a trunk as it lies in the bytes that have come: `TrunkCall` of `latchkey/rpc/trunk.proto`.
///
/// Read where it lies, since a value with a copy of each text is most of what a call would cost.
struct TrunkCallRecord: Equatable {
  private enum Tag {
    static let id: UInt8 = 0x08
    static let path: UInt8 = 0x12
    static let milliseconds: UInt8 = 0x18
    static let caller: UInt8 = 0x22
    static let requestID: UInt8 = 0x2a
    static let request: UInt8 = 0x32
    static let isCancellation: UInt8 = 0x38
    static let traceParent: UInt8 = 0x42
    static let traceState: UInt8 = 0x4a
  }

  /// The call's name on its trunk; never zero.
  var id: UInt64 = 0
  /// The method.
  var path = 0..<0
  /// The time for the call; nil takes the method's own.
  var milliseconds: UInt64?
  /// The encoded caller.
  var caller: Range<Int>?
  /// The request that the call is part of.
  var requestID = 0..<0
  /// The encoded request message.
  var request = 0..<0
  /// Whether nobody waits for the answer any more.
  var isCancellation = false
  /// The trace that the call is recorded in; nil where it is not.
  var traceParent: Range<Int>?
  /// What other systems have said of the trace.
  var traceState = 0..<0

  /// Reads the message in a range of the bytes; nil where it is none, or names no call.
  init?(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    var reader = FieldReader(bytes, range)
    while reader.next() {
      switch reader.tag {
      case UInt64(Tag.id): id = reader.number
      case UInt64(Tag.path): path = reader.range
      case UInt64(Tag.milliseconds): milliseconds = reader.number
      case UInt64(Tag.caller): caller = reader.range
      case UInt64(Tag.requestID): requestID = reader.range
      case UInt64(Tag.request): request = reader.range
      case UInt64(Tag.isCancellation): isCancellation = reader.number != 0
      case UInt64(Tag.traceParent): traceParent = reader.range
      case UInt64(Tag.traceState): traceState = reader.range
      // What a later version says besides.
      default: break
      }
    }
    guard !reader.isMalformed, id > 0 else { return nil }
  }

  /// Appends a call.
  static func append(
    id: UInt64,
    path: String,
    milliseconds: UInt64,
    caller: [UInt8]?,
    requestID: String?,
    to output: inout [UInt8],
    request: (inout [UInt8]) -> Void
  ) {
    output.append(tag: Tag.id, number: id)
    output.append(tag: Tag.path, text: path)
    output.append(tag: Tag.milliseconds, number: milliseconds)
    if let caller { caller.withUnsafeBytes { output.append(tag: Tag.caller, bytes: $0) } }
    if let requestID { output.append(tag: Tag.requestID, text: requestID) }
    output.append(tag: Tag.request, request)
  }

  /// Appends the trace of the call that was appended just before.
  static func append(
    traceParent: (inout [UInt8]) -> Void,
    state: [UInt8],
    to output: inout [UInt8]
  ) {
    output.append(tag: Tag.traceParent, traceParent)
    guard !state.isEmpty else { return }
    state.withUnsafeBytes { output.append(tag: Tag.traceState, bytes: $0) }
  }

  /// Appends word that nobody waits for the answer of a call any more.
  static func appendCancellation(of id: UInt64, to output: inout [UInt8]) {
    output.append(tag: Tag.id, number: id)
    output.append(tag: Tag.isCancellation, number: 1)
  }
}

/// The end of a call on a trunk as it lies in the bytes that have come: `TrunkReply` of `latchkey/rpc/trunk.proto`.
struct TrunkReplyRecord: Equatable {
  private enum Tag {
    static let id: UInt8 = 0x08
    static let trailer: UInt8 = 0x12
    static let response: UInt8 = 0x1a
    static let name: UInt8 = 0x0a
    static let value: UInt8 = 0x12
  }

  /// The call's name on its trunk; never zero.
  var id: UInt64 = 0
  /// The encoded answer; nil where the call failed.
  var response: Range<Int>?

  /// Reads the message in a range of the bytes; nil where it is none, or names no call.
  ///
  /// - Parameters:
  ///   - bytes: Where the message is.
  ///   - range: Which bytes are the message.
  ///   - trailer: Given the name and the value of each trailer.
  init?(
    _ bytes: UnsafeRawBufferPointer,
    _ range: Range<Int>,
    trailer: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) {
    var reader = FieldReader(bytes, range)
    while reader.next() {
      switch reader.tag {
      case UInt64(Tag.id): id = reader.number
      case UInt64(Tag.response): response = reader.range
      case UInt64(Tag.trailer):
        guard let (name, value) = Self.trailer(bytes, reader.range) else { return nil }
        trailer(
          UnsafeRawBufferPointer(rebasing: bytes[name]),
          UnsafeRawBufferPointer(rebasing: bytes[value])
        )
      default: break
      }
    }
    guard !reader.isMalformed, id > 0 else { return nil }
  }

  private static func trailer(
    _ bytes: UnsafeRawBufferPointer,
    _ range: Range<Int>
  ) -> (name: Range<Int>, value: Range<Int>)? {
    var name = 0..<0
    var value = 0..<0
    var reader = FieldReader(bytes, range)
    while reader.next() {
      switch reader.tag {
      case UInt64(Tag.name): name = reader.range
      case UInt64(Tag.value): value = reader.range
      default: break
      }
    }
    return reader.isMalformed || name.isEmpty ? nil : (name, value)
  }

  /// Appends the id of a call that is over; its trailers and its response follow.
  static func append(id: UInt64, to output: inout [UInt8]) {
    output.append(tag: Tag.id, number: id)
  }

  /// Appends a trailer.
  static func append(
    trailer name: UnsafeRawBufferPointer,
    _ value: UnsafeRawBufferPointer,
    to output: inout [UInt8]
  ) {
    output.append(tag: Tag.trailer) { output in
      output.append(tag: Tag.name, bytes: name)
      output.append(tag: Tag.value, bytes: value)
    }
  }

  /// Appends the response.
  static func appendResponse(to output: inout [UInt8], _ response: (inout [UInt8]) -> Void) {
    output.append(tag: Tag.response, response)
  }
}

extension [UInt8] {
  fileprivate mutating func append(tag: UInt8, text: String) {
    // A span, since `withUTF8` wants a variable, which counts a reference.
    text.utf8Span.span.withUnsafeBufferPointer {
      append(tag: tag, bytes: UnsafeRawBufferPointer($0))
    }
  }
}
