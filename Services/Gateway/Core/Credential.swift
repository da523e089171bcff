internal import Cryptography
internal import Faults
internal import HTTP
internal import Messages
internal import Protobuf

/// What a request brought to say who it is.
///
/// Of an API key the hash is all that is kept. A license key is passed on as it was typed, since the licenses service
/// looks it up in more than one form.
enum Credential: Sendable {
  case none
  /// The SHA-256 of an API key whose checksum is right.
  case apiKey(hash: [UInt8])
  /// The SHA-256 of a session's token, and the environment that its user has chosen for the request.
  case session(hash: [UInt8], Caller.Environment)
  /// 1 to ``licenseKeyBytesMax`` visible characters, about which nothing is known yet.
  case licenseKey(String)

  /// The longest license key, which is what the contract's fields take.
  static let licenseKeyBytesMax = 255

  /// The schemes of `Authorization`, in lower case; they are read in either case.
  ///
  /// Source: RFC 9110, section 11.1; RFC 6750, section 2.1; the API contract, section 1.5.
  private static let bearer: StaticString = "bearer"
  private static let license: StaticString = "license"

  /// Reads the credential that a route asks for.
  ///
  /// `Authorization` goes before the cookie of a session: whoever sends it means it, while a browser sends cookies by
  /// itself.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when there is none where one is needed, when there are several, or one
  ///   that the route does not take or that cannot be ours; `invalidArgument` for an environment that there is not.
  static func read(
    _ fields: HeaderFields,
    for authentication: Route.Authentication
  ) throws(Fault) -> Credential {
    if authentication == .none || authentication == .login { return .none }
    guard let field = fields.bytes(of: "authorization") else {
      if authentication.takesSessions, let session = try SessionCookie.read(fields) {
        return .session(hash: session.hash, try environment(fields))
      }
      if authentication == .optionalAPIKey { return .none }
      throw refusal("Missing credential: send \(authentication.examples)")
    }
    guard fields.count(of: "authorization") == 1 else {
      throw refusal("Send one \"Authorization\" field, not several")
    }
    if authentication.takesAPIKeys, let token = token(of: field, scheme: bearer) {
      guard let text = String(validating: token, as: UTF8.self), let key = APIKey.parse(text) else {
        throw refusal("Invalid API key")
      }
      return .apiKey(hash: key.hash)
    }
    if authentication.takesLicenseKeys, let token = token(of: field, scheme: license) {
      guard isVisible(token), let text = String(validating: token, as: UTF8.self) else {
        throw refusal("A license key has 1 to \(licenseKeyBytesMax) visible characters")
      }
      return .licenseKey(text)
    }
    throw refusal("This endpoint needs another credential: send \(authentication.examples)")
  }

  /// The environment that a user has chosen; test data where nothing is said, so that live data are never a mistake.
  private static func environment(_ fields: HeaderFields) throws(Fault) -> Caller.Environment {
    guard let value = fields.bytes(of: "latchkey-environment") else { return .test }
    if fields.count(of: "latchkey-environment") == 1 {
      if value.elementsEqual("live".utf8) { return .live }
      if value.elementsEqual("test".utf8) { return .test }
    }
    throw .invalid([
      Fault.Issue(
        path: ["Latchkey-Environment"],
        message: "Must be test or live",
        code: "invalid_enum_value"
      )
    ])
  }

  /// What a caller without a good credential is told.
  static func refusal(_ message: String) -> Fault {
    Fault(.unauthenticated, message, reason: .unauthorized)
  }

  private static func isVisible(_ token: ArraySlice<UInt8>) -> Bool {
    (1...licenseKeyBytesMax).contains(token.count)
      && token.allSatisfy { (0x21...0x7E).contains($0) }
  }

  /// What follows the scheme and its blanks; nil when the field has another scheme, or none.
  private static func token(
    of field: ArraySlice<UInt8>,
    scheme: StaticString
  ) -> ArraySlice<UInt8>? {
    let count = scheme.utf8CodeUnitCount
    guard field.count > count, field[field.startIndex + count] == UInt8(ascii: " ") else {
      return nil
    }
    for (offset, byte) in field.prefix(count).enumerated()
    where byte | 0x20 != scheme.utf8Start[offset] {
      return nil
    }
    return field.dropFirst(count + 1).drop { $0 == UInt8(ascii: " ") }
  }
}

extension Credential: CustomStringConvertible, CustomReflectable {
  /// The kind only.
  var description: String {
    switch self {
    case .none: "no credential"
    case .apiKey: "an API key"
    case .session: "a session"
    case .licenseKey: "a license key"
    }
  }

  /// Shows no children, so that `dump` does not print the key.
  var customMirror: Mirror { Mirror(self, children: []) }
}

extension Route.Authentication {
  /// Whether an API key may be brought.
  var takesAPIKeys: Bool {
    self == .apiKey || self == .apiKeyOrLicenseKey || self == .optionalAPIKey
  }

  /// Whether the cookie of a session may be brought.
  var takesSessions: Bool { takesAPIKeys || self == .dashboard }

  /// Whether a license key may be brought in `Authorization`.
  var takesLicenseKeys: Bool { self == .licenseKey || self == .apiKeyOrLicenseKey }

  /// What `WWW-Authenticate` says: the schemes that would do.
  ///
  /// Source: RFC 9110, section 11.6.1.
  var challenge: String {
    switch (takesAPIKeys, takesLicenseKeys) {
    case (true, true): "Bearer, License"
    case (false, true): "License"
    // No registered scheme says that a login is needed; a scheme has to be named all the same.
    default: self == .dashboard || self == .login ? "Cookie" : "Bearer"
    }
  }

  fileprivate var examples: String {
    let apiKey = "\"Authorization: Bearer lk_...\""
    let licenseKey = "\"Authorization: License PREFIX-...\""
    return switch (takesAPIKeys, takesLicenseKeys) {
    case (true, true): "\(licenseKey) or \(apiKey)"
    case (false, true): licenseKey
    default: self == .dashboard ? "the cookie of a session, which a login gives" : apiKey
    }
  }
}
