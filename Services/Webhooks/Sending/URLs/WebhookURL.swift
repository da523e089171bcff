/// Where an endpoint wants its deliveries: a URL that has been vetted and is kept in one form.
///
/// The host is in lower case and without a trailing dot, an address in its usual form however it was spelled, the
/// scheme's own port left out. Path and query stay as they were written. Whether a name's addresses may be called
/// is ``Destinations``' part.
/// Source: RFC 3986; RFC 9110, section 4.2.2.
public struct WebhookURL: Hashable, Sendable {
  /// The longest URL, in bytes.
  ///
  /// What receivers and proxies commonly take; a token in the query fits many times over.
  public static let bytesMax = 2048

  /// How the receiver is called.
  public enum Scheme: String, Hashable, Sendable {
    case https
    /// For development and closed networks; ``AddressPolicy/allowsPlainHTTP``.
    case http

    /// The port that need not be written.
    public var defaultPort: UInt16 { self == .https ? 443 : 80 }
  }

  /// Whom the URL names.
  public enum Host: Hashable, Sendable {
    /// A name in lower case, without a trailing dot; never a number.
    case name(String)
    /// An address.
    case address(IPAddress)
  }

  /// How the receiver is called.
  public let scheme: Scheme
  /// Whom the URL names.
  public let host: Host
  /// The port, written or implied.
  public let port: UInt16
  /// Path and query as they are sent; begins with `/`.
  public let target: String
  /// Host and port as `Host` has them (RFC 9110, section 7.2).
  public let authority: String
  /// The whole URL in its one form.
  ///
  /// Path and query may hold a receiver's token, so this is for the owner of the endpoint and not for a log.
  public let text: String

  init(scheme: Scheme, host: Host, port: UInt16, target: String) {
    self.scheme = scheme
    self.host = host
    self.port = port
    self.target = target
    authority = "\(host)" + (port == scheme.defaultPort ? "" : ":\(port)")
    text = "\(scheme.rawValue)://\(authority)\(target)"
  }

  /// Reads and vets a URL.
  ///
  /// - Parameters:
  ///   - text: As the owner of the endpoint wrote it.
  ///   - policy: Which addresses, names and schemes are allowed.
  /// - Throws: ``Refusal`` with what to change.
  public init(_ text: String, policy: AddressPolicy) throws(Refusal) {
    self = try WebhookURLParser(policy: policy).parse(text)
  }

  /// Why a URL is refused.
  public struct Refusal: Error, Hashable, Sendable {
    /// The kinds of refusal.
    public enum Kind: Hashable, Sendable {
      case tooLong, malformed, scheme, credentials, fragment, host, localName, port
      /// The host is, or resolves to, an address that must not be called.
      case address(AddressRefusal)
      /// The host has no address.
      case unresolvable
    }

    /// The kind.
    public let kind: Kind
    /// What is wrong and what would be right, for the owner of the endpoint.
    public let message: String

    init(_ kind: Kind, _ message: String) {
      self.kind = kind
      self.message = message
    }

    /// The host is, or resolves to, an address that must not be called.
    init(_ refusal: AddressRefusal) {
      self.init(
        .address(refusal),
        "The host is \(refusal.text); it must be one that can be reached from the internet"
      )
    }
  }
}

extension WebhookURL.Host: CustomStringConvertible {
  /// As in a URL: IPv6 in brackets.
  public var description: String {
    switch self {
    case .name(let name): name
    case .address(let address): address.isIPv6 ? "[\(address)]" : address.description
    }
  }
}

extension WebhookURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Scheme, host and port alone, since path and query may hold a token.
  public var description: String { "\(scheme.rawValue)://\(host):\(port)/…" }

  /// The same as ``description``.
  public var debugDescription: String { description }

  /// Shows no children, so that `dump` prints no token.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
