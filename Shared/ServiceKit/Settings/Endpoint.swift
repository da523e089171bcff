/// A host and a port, as `host:port` or `[IPv6 address]:port`.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  /// The longest host name the domain name system allows.
  ///
  /// Source: RFC 1035, section 2.3.4.
  static let hostBytesMax = 253

  /// A name or an IP address, without brackets.
  public let host: String
  /// The port; zero asks the system for a free one, and only a listener may use it.
  public let port: UInt16

  /// Makes an endpoint.
  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Parses `host:port`.
  ///
  /// Nil when either part is missing, too long or malformed.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Endpoint.port(text[colon...].dropFirst())
    else { return nil }
    var host = text[..<colon]
    if host.first == "[" {
      guard host.last == "]", host.contains(":") else { return nil }
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, host.utf8.count <= Endpoint.hostBytesMax,
      host.utf8.allSatisfy(Endpoint.isHostByte)
    else { return nil }
    self.init(host: String(host), port: port)
  }

  private static func port(_ digits: Substring) -> UInt16? {
    // `UInt16(_:)` alone would take a sign.
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt16(digits)
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch UnicodeScalar(byte) {
    case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".", ":": true
    default: false
    }
  }

  /// The form ``init(_:)`` reads.
  public var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
