internal import CUV
internal import Glibc

/// Where a socket listens or connects to: an IPv4 or IPv6 address with a port, or a Unix path.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The longest path of a Unix socket, in bytes: `sun_path` less its closing NUL.
  public static let unixPathBytesMax = 107

  /// The kinds of address.
  enum Kind: Hashable, Sendable {
    case ip(bytes: [UInt8], isIPv6: Bool)
    case unix(path: String)
  }

  let kind: Kind

  /// An IP address in its usual text form, without brackets, and a port.
  ///
  /// Nil when it is no address.
  public init?(ip: String, port: UInt16) {
    var v4 = sockaddr_in()
    if uv_ip4_addr(ip, Int32(port), &v4) == 0 {
      self.init(copying: &v4, isIPv6: false)
      return
    }
    var v6 = sockaddr_in6()
    guard uv_ip6_addr(ip, Int32(port), &v6) == 0 else { return nil }
    self.init(copying: &v6, isIPv6: true)
  }

  /// A Unix socket.
  ///
  /// Nil when the path is empty or longer than ``unixPathBytesMax``.
  public init?(unixPath path: String) {
    guard !path.isEmpty, path.utf8.count <= SocketAddress.unixPathBytesMax, !path.utf8.contains(0)
    else { return nil }
    kind = .unix(path: path)
  }

  private init<T>(copying address: inout T, isIPv6: Bool) {
    kind = .ip(bytes: withUnsafeBytes(of: &address) { [UInt8]($0) }, isIPv6: isIPv6)
  }

  /// Copies what a call filled in.
  ///
  /// Nil for a family that is none of ours.
  init?(_ address: UnsafePointer<sockaddr>) {
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      kind = .ip(
        bytes: [UInt8](
          UnsafeRawBufferPointer(start: address, count: MemoryLayout<sockaddr_in>.size)
        ),
        isIPv6: false
      )
    case AF_INET6:
      kind = .ip(
        bytes: [UInt8](
          UnsafeRawBufferPointer(start: address, count: MemoryLayout<sockaddr_in6>.size)
        ),
        isIPv6: true
      )
    case AF_UNIX:
      kind = .unix(path: "")
    default:
      return nil
    }
  }

  /// The address of the other side of a connected socket.
  static func peer(of descriptor: Int32) -> SocketAddress? {
    name(of: descriptor, getpeername)
  }

  /// The address a socket is bound to.
  static func local(of descriptor: Int32) -> SocketAddress? {
    name(of: descriptor, getsockname)
  }

  private static func name(
    of descriptor: Int32,
    _ call: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32
  ) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        call(descriptor, address, &length) == 0 ? SocketAddress(address) : nil
      }
    }
  }

  var family: Int32 {
    switch kind {
    case .ip(_, let isIPv6): isIPv6 ? AF_INET6 : AF_INET
    case .unix: AF_UNIX
    }
  }

  /// The port; zero for a Unix socket.
  public var port: UInt16 {
    switch kind {
    // In both forms the port follows the family, in network byte order.
    case .ip(let bytes, _): UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    case .unix: 0
    }
  }

  /// The address alone, without the port; empty for a Unix socket.
  public var host: String {
    guard case .ip(let bytes, _) = kind else { return "" }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let status = bytes.withUnsafeBytes { bytes in
      guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else {
        return -1 as Int32
      }
      return uv_ip_name(address, &text, text.count)
    }
    guard status == 0 else { return "" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Lends the bytes of the IP address, in network order: 4 of IPv4, also where the system writes it as IPv6
  /// (`::ffff:192.0.2.1`), 16 of IPv6; none of a Unix socket.
  ///
  /// Source: RFC 4291, section 2.5.5.2.
  public func withIPBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
    guard case .ip(let bytes, let isIPv6) = kind else {
      return body(UnsafeRawBufferPointer(start: nil, count: 0))
    }
    return bytes.withUnsafeBytes { bytes in
      // `sockaddr_in` has the address behind the port, `sockaddr_in6` behind port and flow.
      guard isIPv6 else { return body(UnsafeRawBufferPointer(rebasing: bytes[4..<8])) }
      let isMapped =
        bytes[8..<18].allSatisfy { $0 == 0 } && bytes[18] == 0xFF && bytes[19] == 0xFF
      return body(UnsafeRawBufferPointer(rebasing: bytes[(isMapped ? 20 : 8)..<24]))
    }
  }

  /// `host:port`, `[host]:port`, or the path.
  public var description: String {
    switch kind {
    case .ip(_, let isIPv6): isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }

  /// Lends the address in the form that the system's calls take.
  func withSockaddr<T>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T {
    switch kind {
    case .ip(let bytes, _):
      return bytes.withUnsafeBytes { raw in
        raw.withMemoryRebound(to: sockaddr.self) { buffer in
          guard let address = buffer.baseAddress else {
            preconditionFailure("An address has bytes")
          }
          return body(address, socklen_t(bytes.count))
        }
      }
    case .unix(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
      return withUnsafePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
  }
}
