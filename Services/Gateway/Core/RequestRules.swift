internal import Faults
internal import HTTP
internal import Protobuf
internal import Transcoding

/// What a request's head can be refused for before anything is done for it.
enum RequestRules {
  /// The largest request body; the largest that the contract makes, a policy with its metadata, has 64 KiB.
  static let bodyBytesMax = 1 << 20

  /// How much of a refused request's body is thrown away before the answer: sixteen times what is taken of JSON.
  static let discardedBytesMax = 16 << 20

  /// The fault for a body that is too large.
  static let tooLarge = Fault(
    .invalidArgument,
    "The body is larger than \(bodyBytesMax) bytes",
    reason: .payloadTooLarge
  )

  /// The fault for a method that the path does not have.
  static func notAllowed(_ allowed: [String]) -> Fault {
    Fault(
      .unimplemented,
      "This address has only \(allowed.joined(separator: ", "))",
      reason: .methodNotAllowed
    )
  }

  /// Whether a refused request may send the rest of its body: it is not too long, and its sender does not
  /// wait for `100 Continue` before sending it.
  static func mayComeToItsEnd(_ head: RequestHead) -> Bool {
    guard !head.isTooLarge, head.fields.bytes(of: "expect") == nil else { return false }
    return (announcedBytes(head) ?? 0) <= discardedBytesMax
  }

  /// The length that the head states; nil where it states none.
  ///
  /// The HTTP layer has checked that it is one number. More digits than Int holds count as the largest.
  private static func announcedBytes(_ head: RequestHead) -> Int? {
    guard let digits = head.fields.bytes(of: "content-length") else { return nil }
    let isNumber = digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    guard isNumber, digits.count <= 18 else { return .max }
    return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  /// Checks what holds for every request.
  ///
  /// - Throws: ``Fault`` with the reason `headersTooLarge`.
  static func check(_ head: RequestHead) throws(Fault) {
    guard !head.isTooLarge else {
      throw Fault(.invalidArgument, "The header fields are too large", reason: .headersTooLarge)
    }
  }

  /// Checks the body that the head announces.
  ///
  /// A content type without a body is no fault: clients of the contract send one with every request. JSON may come
  /// without its content type, anything else may not.
  ///
  /// - Throws: ``Fault`` with the reason `payloadTooLarge` or `unsupportedMediaType`.
  static func checkBody(of head: RequestHead, usedBy route: ServedRoute) throws(Fault) {
    let announced = announcedBytes(head)
    let isRaw = route.route.requestBody == .raw
    if let announced, announced > (isRaw ? RawBodyReader.bytesMax : bodyBytesMax) {
      throw isRaw ? RawBodyReader.tooLarge : tooLarge
    }
    guard route.request.hasBody, announced != 0 else { return }
    let expected = isRaw ? route.route.mediaType ?? "" : "application/json"
    // Nearly always the type is written as it is here.
    let isPlain = !isRaw && head.fields.has("content-type", "application/json")
    let type = isPlain ? nil : head.fields.bytes(of: "content-type")
    guard type.map({ isType($0, expected) }) ?? !isRaw else {
      throw Fault(
        .invalidArgument,
        "The body must be sent with \"Content-Type: \(expected)\"",
        reason: .unsupportedMediaType
      )
    }
    if head.fields.bytes(of: "content-encoding") != nil,
      !head.fields.has("content-encoding", "identity")
    {
      throw Fault(
        .invalidArgument,
        "The body must not be compressed",
        reason: .unsupportedMediaType
      )
    }
  }

  /// Whether a content type is this one, which is in lower case, whatever its parameters; JSON is UTF-8 anyway.
  private static func isType(_ type: ArraySlice<UInt8>, _ expected: String) -> Bool {
    let isSame = type.prefix(expected.utf8.count).elementsEqual(expected.utf8) { byte, wanted in
      ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte) == wanted
    }
    guard isSame else { return false }
    let rest = type.dropFirst(expected.utf8.count).first {
      $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t")
    }
    return rest == nil || rest == UInt8(ascii: ";")
  }
}
