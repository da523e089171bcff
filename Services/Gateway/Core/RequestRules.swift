internal import Faults
internal import HTTP
internal import Transcoding

/// What a request's head can be refused for before anything is done for it.
enum RequestRules {
  /// The largest request body; the largest that the contract makes, a policy with its metadata, has 64 KiB.
  static let bodyBytesMax = 1 << 20

  /// How much of a refused request's body is thrown away before the answer: sixteen times what is ever taken.
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
  /// A content type without a body is no fault: clients of the contract send one with every request.
  ///
  /// - Throws: ``Fault`` with the reason `payloadTooLarge` or `unsupportedMediaType`.
  static func checkBody(of head: RequestHead, usedBy route: ServedRoute) throws(Fault) {
    let announced = announcedBytes(head)
    if let announced, announced > bodyBytesMax { throw tooLarge }
    guard route.request.hasBody, announced != 0 else { return }
    if let type = head.fields.bytes(of: "content-type"), !isJSON(type) {
      throw Fault(
        .invalidArgument,
        "The body must be JSON, with \"Content-Type: application/json\"",
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

  /// Whether a content type is `application/json`, whatever its parameters; JSON is UTF-8 anyway.
  private static func isJSON(_ type: ArraySlice<UInt8>) -> Bool {
    let expected: StaticString = "application/json"
    let count = expected.utf8CodeUnitCount
    guard type.count >= count else { return false }
    for (offset, byte) in type.prefix(count).enumerated() {
      let lower = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
      guard lower == expected.utf8Start[offset] else { return false }
    }
    let rest = type.dropFirst(count).first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
    return rest == nil || rest == UInt8(ascii: ";")
  }
}
