internal import CPQ
internal import EventLoop
internal import Glibc
internal import Primitives

/// What can be told of libpq's connection strings without connecting.
public enum ConnectionString {
  /// What ``isSafe(_:)`` asks for, as it follows the words "expected" or "is not".
  public static let safeForm =
    "a libpq connection string or URI without a password (that one is read from a file), and with"
    + " sslmode=verify-full or verify-ca where a server is not on this machine"

  /// The parameters that are secrets.
  ///
  /// Source: PostgreSQL 15 manual, section 34.1.2, "Parameter Key Words".
  private static let secrets: Set<String> = ["password", "sslpassword"]

  /// The modes in which a server proves who it is before it is told anything.
  ///
  /// Source: PostgreSQL 15 manual, table 34.1, "SSL Mode Descriptions".
  private static let provingModes: Set<String> = ["verify-ca", "verify-full"]

  /// The variables by which libpq finds a host where none is given.
  ///
  /// Source: PostgreSQL 15 manual, section 34.15, "Environment Variables".
  private static let elsewhere = ["PGHOST", "PGHOSTADDR", "PGSERVICE"]

  private static let loopback = ["127.0.0.0/8", "::1/128"].compactMap { try? AddressRange($0) }

  /// Whether a string or URI can be used, no secret is spelled out in it, and whoever stands between us and the server
  /// can neither read along nor pass for it.
  public static func isSafe(_ text: String) -> Bool {
    guard let target = try? ConnectionTarget(text, password: nil),
      let options = PQconninfoParse(text, nil)
    else { return false }
    defer { PQconninfoFree(options) }
    var option = options
    while let keyword = option.pointee.keyword {
      if option.pointee.val != nil, secrets.contains(String(cString: keyword)) { return false }
      option += 1
    }
    // A service's file may name any host.
    guard target.parameters["service"] == nil else { return false }
    return provingModes.contains(target.parameters["sslmode"] ?? "")
      || target.hosts.allSatisfy(isHere)
  }

  /// Whether a host is this machine: the folder of a socket, or a loopback address.
  private static func isHere(_ host: ConnectionTarget.Host) -> Bool {
    // Where there is an address, the name is only what the server is checked by.
    let place = host.address.isEmpty ? host.name : host.address
    if place.isEmpty { return elsewhere.allSatisfy { getenv($0) == nil } }
    if host.address.isEmpty && (host.isUnixSocket || place == "localhost") { return true }
    guard let address = SocketAddress(ip: place, port: 0) else { return false }
    return address.withIPBytes { bytes in loopback.contains { $0.contains(bytes) } }
  }
}
