internal import Cryptography
internal import Faults
internal import HTTP

/// The cookie that a browser keeps a session in.
///
/// `__Host-` has browsers take it from this host alone, over TLS, for all paths. It has no lifetime of its own: it ends
/// with the browser, and the session by its own limits.
/// Source: RFC 6265bis, sections 4.1.3.2 and 5.6.
enum SessionCookie {
  /// What becomes of the cookie with an answer.
  enum Change {
    /// The browser is to keep this token.
    case give(String)
    /// The browser is to forget the token that it has.
    case take
  }

  private static let name: StaticString = "__Host-latchkey-session"
  private static let attributes = "; Path=/; Secure; HttpOnly; SameSite=Strict"

  /// Reads the token of a request.
  ///
  /// - Returns: The token; nil where the request has no such cookie.
  /// - Throws: ``Fault`` `unauthenticated` when it has several, or what cannot be a token.
  static func read(_ fields: HeaderFields) throws(Fault) -> OpaqueToken? {
    var values: [ArraySlice<UInt8>] = []
    // HTTP/2 lets clients send each cookie in a field of its own. Source: RFC 9113, section 8.2.3.
    fields.forEach(of: "cookie") { field in
      for pair in field.split(separator: UInt8(ascii: ";")) {
        let pair = pair.drop { $0 == UInt8(ascii: " ") }
        if let value = value(of: pair) { values.append(value) }
      }
    }
    guard let value = values.first else { return nil }
    guard values.count == 1, let text = String(validating: value, as: UTF8.self),
      let token = OpaqueToken.parse(text)
    else { throw Credential.refusal("The session has ended; log in again") }
    return token
  }

  /// The value of `Set-Cookie` for a change.
  static func field(_ change: Change) -> String {
    switch change {
    case .give(let token): "\(name)=\(token)\(attributes)"
    case .take: "\(name)=; Max-Age=0\(attributes)"
    }
  }

  /// What stands behind our name and `=`.
  private static func value(of pair: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let count = name.utf8CodeUnitCount
    guard pair.count > count, pair[pair.startIndex + count] == UInt8(ascii: "=") else { return nil }
    for (offset, byte) in pair.prefix(count).enumerated() where byte != name.utf8Start[offset] {
      return nil
    }
    return pair.dropFirst(count + 1)
  }
}
