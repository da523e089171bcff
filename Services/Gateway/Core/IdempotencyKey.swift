internal import Cryptography
internal import Faults
internal import HTTP
internal import Protobuf

/// The header by which a client says that two requests are the same one, sent again.
///
/// The gateway reads it and passes hashes on; the service that serves the request keeps its answer and gives the same
/// one again.
///
/// Source: the API contract, section 9, row 36.
enum IdempotencyKey {
  /// The longest value.
  static let bytesMax = 255

  /// Reads the header of a request to POST or PATCH; with other verbs, and with raw bodies, whose bytes are not there
  /// to be compared, it says nothing.
  ///
  /// - Returns: SHA-256 of what makes the request the same one: method, key and path. Nil where there is no header.
  /// - Throws: ``Fault`` `invalidArgument` for several headers, and for a value that is not 1 to 255 visible ASCII
  ///   characters.
  static func read(
    _ fields: HeaderFields,
    path: ArraySlice<UInt8>,
    on route: Route
  ) throws(Fault) -> [UInt8]? {
    guard route.takesIdempotencyKeys, let key = fields.bytes(of: "idempotency-key") else {
      return nil
    }
    guard fields.count(of: "idempotency-key") == 1 else {
      throw refusal("Must be sent once", code: "too_big")
    }
    guard (1...bytesMax).contains(key.count), key.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw refusal("Must be 1 to \(bytesMax) visible ASCII characters", code: "invalid_string")
    }
    // Neither a method nor a key has a NUL, so no two requests have the same text unless all three parts are equal.
    var text = Array(route.verb.rawValue.utf8)
    text.reserveCapacity(text.count + key.count + path.count + 2)
    text.append(0)
    text.append(contentsOf: key)
    text.append(0)
    text.append(contentsOf: path)
    return SHA256.hash(text)
  }

  private static func refusal(_ message: String, code: String) -> Fault {
    .invalid([Fault.Issue(path: ["Idempotency-Key"], message: message, code: code)])
  }
}

extension Route {
  /// Whether the header `Idempotency-Key` means something here.
  var takesIdempotencyKeys: Bool {
    // A login is nobody's until it is over, and gives another session each time.
    (verb == .post || verb == .patch) && requestBody == .json && authentication != .login
  }
}
