/// Where a collector takes spans.
public struct CollectorURL: Sendable, CustomStringConvertible {
  /// A name, or an address without brackets.
  let host: String
  let port: UInt16
  /// The whole address that is posted to.
  let text: String
  private let base: String

  /// Reads the address of a collector as OpenTelemetry's own settings have it: `/v1/traces` comes behind.
  ///
  /// Nil for anything but `http` or `https`, a host, and perhaps a port and a path; credentials have a file of their own.
  public init?(_ text: String) {
    let isSecure = text.hasPrefix("https://")
    guard isSecure || text.hasPrefix("http://"), text.utf8.count <= 2_048,
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
      !text.contains(where: { "@?#\\\"".contains($0) })
    else { return nil }
    let rest = text.dropFirst(isSecure ? 8 : 7)
    let authority = rest.prefix { $0 != "/" }
    var host = authority
    var port = isSecure ? UInt16(443) : 80
    // Behind the bracket of an IPv6 address, else behind the name.
    let end = authority.lastIndex(of: "]") ?? authority.startIndex
    if let colon = authority[end...].firstIndex(of: ":") {
      guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
        return nil
      }
      port = number
      host = authority[..<colon]
    }
    if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
    guard !host.isEmpty, !host.contains(where: { "[]".contains($0) }) else { return nil }
    self.host = String(host)
    self.port = port
    base = text
    self.text = (text.hasSuffix("/") ? String(text.dropLast()) : text) + "/v1/traces"
  }

  /// The address as it was written.
  public var description: String { base }
}
