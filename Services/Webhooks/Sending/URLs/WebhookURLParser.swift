/// Reads a URL from left to right, and refuses what two readers could take for two things.
///
/// Stricter than browsers on purpose: what they repair (blanks, backslashes, percent-encoded and international hosts)
/// is how one reader is made to see another host than the next.
struct WebhookURLParser {
  private typealias Refusal = WebhookURL.Refusal

  let policy: AddressPolicy

  func parse(_ text: String) throws(WebhookURL.Refusal) -> WebhookURL {
    guard text.utf8.count <= WebhookURL.bytesMax else {
      throw Refusal(.tooLong, "Must have at most \(WebhookURL.bytesMax) bytes")
    }
    let bytes = Array(text.utf8)
    guard bytes.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else {
      throw Refusal(
        .malformed,
        "Must hold printable ASCII only, without blanks and backslashes: percent-encode other characters, "
          + "and write an international host name in its ASCII form (xn--…)"
      )
    }
    let (scheme, rest) = try splitScheme(bytes[...])
    let authorityEnd = rest.firstIndex { WebhookURLParser.endsAuthority($0) } ?? rest.endIndex
    let (host, port) = try parseAuthority(rest[..<authorityEnd], scheme: scheme)
    let target = try parseTarget(rest[authorityEnd...])
    return WebhookURL(scheme: scheme, host: host, port: port, target: target)
  }

  // MARK: Scheme

  private func splitScheme(
    _ bytes: ArraySlice<UInt8>
  ) throws(Refusal) -> (WebhookURL.Scheme, ArraySlice<UInt8>) {
    let text = WebhookURLParser.lowercased(bytes.prefix(8))
    if text.hasPrefix("https://") { return (.https, bytes.dropFirst(8)) }
    if text.hasPrefix("http://"), policy.allowsPlainHTTP { return (.http, bytes.dropFirst(7)) }
    let also = policy.allowsPlainHTTP ? " or http://" : ""
    throw Refusal(.scheme, "Must begin with https://\(also)")
  }

  private static func endsAuthority(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
  }

  // MARK: Host and port

  private func parseAuthority(
    _ bytes: ArraySlice<UInt8>,
    scheme: WebhookURL.Scheme
  ) throws(Refusal) -> (WebhookURL.Host, UInt16) {
    guard !bytes.contains(UInt8(ascii: "@")) else {
      throw Refusal(
        .credentials,
        "Must not hold a user name or password; deliveries are signed instead"
      )
    }
    let hostEnd: Int
    if bytes.first == UInt8(ascii: "[") {
      guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")) else {
        throw Refusal(.host, "The bracket around the IPv6 address is not closed")
      }
      hostEnd = bracket + 1
    } else {
      hostEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
    }
    let port = try parsePort(bytes[hostEnd...], scheme: scheme)
    let host = try parseHost(bytes[..<hostEnd])
    if case .address(let address) = host, let refusal = policy.refusal(of: address, over: scheme) {
      throw Refusal(refusal)
    }
    return (host, port)
  }

  /// Reads nothing, or a colon and a number.
  private func parsePort(
    _ bytes: ArraySlice<UInt8>,
    scheme: WebhookURL.Scheme
  ) throws(Refusal) -> UInt16 {
    guard let first = bytes.first else { return scheme.defaultPort }
    let digits = bytes.dropFirst()
    guard first == UInt8(ascii: ":"), (1...5).contains(digits.count),
      digits.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = UInt16(String(decoding: digits, as: UTF8.self))
    else { throw Refusal(.port, "The port must be a number from 1 to 65535") }
    guard !RefusedPorts.contains(port) else {
      throw Refusal(.port, "Port \(port) belongs to another protocol; use 443 or one above 1023")
    }
    return port
  }

  private func parseHost(_ bytes: ArraySlice<UInt8>) throws(Refusal) -> WebhookURL.Host {
    if bytes.first == UInt8(ascii: "[") {
      let text = String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
      // A colon makes it IPv6; a zone (`%eth0`) is none of `inet_pton`'s business and refused by it.
      guard text.contains(":"), let address = IPAddress(text) else {
        throw Refusal(.host, "The brackets must hold an IPv6 address without a zone")
      }
      return .address(address)
    }
    var name = WebhookURLParser.lowercased(bytes)
    if name.hasSuffix(".") { name.removeLast() }
    if IPv4Spelling.isNumber(name) {
      guard let address = IPv4Spelling.address(name) else {
        throw Refusal(.host, "The host ends in a number but is not an IPv4 address")
      }
      return .address(address)
    }
    guard HostName.isValid(name) else {
      throw Refusal(
        .host,
        "The host must be a name of letters, digits, hyphens and dots, or an address; nothing in it may be "
          + "percent-encoded"
      )
    }
    try vet(name)
    return .name(name)
  }

  private func vet(_ name: String) throws(Refusal) {
    if HostName.isLoopback(name) {
      guard policy.allowsLoopback else { throw Refusal(.special(.loopback)) }
    } else if HostName.isLocal(name) {
      guard policy.allowsLocalNames else {
        throw Refusal(
          .localName,
          "The host is a name of a local network; it must be one that can be reached from the internet"
        )
      }
    }
  }

  // MARK: Path and query

  private func parseTarget(_ bytes: ArraySlice<UInt8>) throws(Refusal) -> String {
    guard !bytes.contains(UInt8(ascii: "#")) else {
      throw Refusal(.fragment, "Must not have a fragment (#…), which is never sent")
    }
    var index = bytes.startIndex
    while index < bytes.endIndex {
      if bytes[index] == UInt8(ascii: "%") {
        guard index + 2 < bytes.endIndex, WebhookURLParser.isHexDigit(bytes[index + 1]),
          WebhookURLParser.isHexDigit(bytes[index + 2])
        else { throw Refusal(.malformed, "A % must be followed by two hexadecimal digits") }
        index += 3
      } else {
        guard WebhookURLParser.isTargetByte(bytes[index]) else {
          throw Refusal(
            .malformed,
            "Path and query hold a character that must be percent-encoded (RFC 3986)"
          )
        }
        index += 1
      }
    }
    let target = String(decoding: bytes, as: UTF8.self)
    return target.hasPrefix("/") ? target : "/" + target
  }

  /// Whether path and query may hold a byte as it is.
  ///
  /// Source: RFC 3986, sections 3.3 and 3.4; square brackets besides, which many frameworks put into queries.
  private static func isTargetByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._~!$&'()*+,;=:@/?[]".utf8.contains(byte)
    }
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  /// ASCII in lower case.
  private static func lowercased(_ bytes: some Sequence<UInt8>) -> String {
    String(
      decoding: bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 },
      as: UTF8.self
    )
  }
}
