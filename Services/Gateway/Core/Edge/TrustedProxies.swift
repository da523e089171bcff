internal import EventLoop
internal import HTTP
internal import Primitives

/// The proxies in front of the gateway, whose word about where a request came from is taken, and nobody else's.
///
/// Each proxy appends to `X-Forwarded-For` the address that it was called from. So the last address there that is no
/// trusted proxy's is the client's; what stands before it may be the client's invention.
public struct TrustedProxies: Sendable, CustomStringConvertible {
  /// Nobody: the client is whoever has connected.
  public static let none = TrustedProxies([])

  /// More ranges than any front has.
  private static let rangesMax = 64
  /// Leading bits that a range has at least: of private networks 10.0.0.0/8 and fd00::/8 are the widest, and whoever is
  /// wider takes the internet for a proxy, so that every client can say that it is another.
  private static let prefixLengthMin = 8
  /// More proxies than any request passes; further addresses are not looked at.
  private static let hopsMax = 16

  private let ranges: [AddressRange]

  private init(_ ranges: [AddressRange]) { self.ranges = ranges }

  /// Reads ranges of addresses in CIDR notation, separated by commas; nil when one is none or holds the addresses of
  /// strangers, or there are too many.
  public init?(_ text: String) {
    var ranges: [AddressRange] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let range = try? AddressRange(String(part.trimmed)),
        range.prefixLength >= Self.prefixLengthMin
      else { return nil }
      ranges.append(range)
    }
    guard ranges.count <= Self.rangesMax else { return nil }
    self.init(ranges)
  }

  /// The ranges, as they are written in the setting.
  public var description: String { ranges.map(\.description).joined(separator: ",") }

  /// Whether a connection is a trusted proxy's.
  func contains(_ address: SocketAddress?) -> Bool {
    guard !ranges.isEmpty, let address else { return false }
    return address.withIPBytes { bytes in ranges.contains { $0.contains(bytes) } }
  }

  /// Where a request came from that a trusted proxy has passed on; nil where the connection itself is the client's.
  ///
  /// A word that is no address ends the search: the proxy before it is then the client, so that nobody gains anything
  /// by garbage.
  func client(of origin: RequestOrigin, _ fields: HeaderFields) -> RequestOrigin? {
    guard contains(origin.address) else { return nil }
    var hops: [ArraySlice<UInt8>] = []
    fields.forEach(of: "x-forwarded-for") { hops += $0.split(separator: UInt8(ascii: ",")) }
    var client: SocketAddress?
    for hop in hops.suffix(Self.hopsMax).reversed() {
      guard let address = SocketAddress(forwarded: hop) else { break }
      client = address
      guard contains(address) else { break }
    }
    return client.map {
      RequestOrigin(address: $0, identity: origin.identity, isSecure: origin.isSecure)
    }
  }
}

extension SocketAddress {
  /// An address as proxies write it: IPv4 or IPv6, bare or with a port, IPv6 with a port in brackets; nil for anything
  /// else.
  fileprivate init?(forwarded text: ArraySlice<UInt8>) {
    let text = String(decoding: text, as: UTF8.self).trimmed
    // Longer than any address with a port. Names and scopes (`%eth0`) have other letters.
    guard text.utf8.count <= 54,
      text.allSatisfy({ $0.isHexDigit || $0 == "." || $0 == ":" || $0 == "[" || $0 == "]" })
    else { return nil }
    var host = text
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      host = text[text.index(after: text.startIndex)..<end]
    } else if text.contains("."), let colon = text.firstIndex(of: ":"),
      text.lastIndex(of: ":") == colon
    {
      host = text[..<colon]
    }
    self.init(ip: String(host), port: 0)
  }
}

extension StringProtocol where SubSequence == Substring {
  /// Without the blanks around it that lists may have.
  fileprivate var trimmed: Substring {
    var text = self[...]
    while text.first == " " || text.first == "\t" { text = text.dropFirst() }
    while text.last == " " || text.last == "\t" { text = text.dropLast() }
    return text
  }
}
