internal import Faults
internal import HTTP
internal import Protobuf

/// Refuses what another site may have had a user's browser send.
///
/// A browser sends the cookie of a session by itself, so a request that changes something must show that one of our own
/// pages sent it: by the header `X-Latchkey-CSRF`, which a form cannot send, and a script of another origin only after
/// a preflight that is never granted here. `Origin` and `Sec-Fetch-Site`, which browsers set and scripts cannot, must
/// not speak against it. `SameSite=Strict` comes before all that; a sibling host counts as the same site.
/// A login is held to the last two, so that nobody is logged in as somebody else.
/// Source: OWASP, "Cross-Site Request Forgery Prevention"; W3C, "Fetch Metadata Request Headers".
enum SameOrigin {
  /// Makes sure that a request is no other site's doing.
  ///
  /// - Throws: ``Fault`` `permissionDenied`.
  static func check(
    _ head: RequestHead,
    _ credential: Credential,
    on route: Route
  ) throws(Fault) {
    if head.method == .get || head.method == .head { return }
    if case .session = credential {
      guard head.fields.has("x-latchkey-csrf", "1") else {
        throw refusal("Send \"X-Latchkey-CSRF: 1\" with what changes something by a session")
      }
    } else if route.authentication != .login {
      return
    }
    if let site = head.fields.bytes(of: "sec-fetch-site"), !site.elementsEqual("same-origin".utf8) {
      throw refusal("This request was made by another site")
    }
    if let origin = head.fields.bytes(of: "origin"), !isOurs(origin, head.authority) {
      throw refusal("This request was made by another site")
    }
  }

  /// Whether an origin is the one that the request is for: everything here is served over TLS.
  private static func isOurs(_ origin: ArraySlice<UInt8>, _ authority: [UInt8]) -> Bool {
    let scheme = "https://"
    return origin.starts(with: scheme.utf8)
      && origin.dropFirst(scheme.utf8.count).elementsEqual(authority)
  }

  private static func refusal(_ message: String) -> Fault {
    Fault(.permissionDenied, message, reason: .forbidden)
  }
}
