private import Glibc

/// An IP address: 4 bytes of IPv4 or 16 of IPv6.
///
/// IPv4 that is written as IPv6 (`::ffff:192.0.2.1`) is IPv4 here, so that one host has one address and no rule is
/// passed by spelling.
/// Source: RFC 4291, section 2.5.5.2.
public struct IPAddress: Hashable, Sendable {
  /// The bytes in network order: 4 or 16.
  public let bytes: [UInt8]

  /// Makes an address of 4 or 16 bytes in network order; nil for any other number.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    let bytes = Array(bytes)
    self.bytes = IPAddress.mappedPrefix == bytes.prefix(12) ? Array(bytes[12...]) : bytes
  }

  /// Reads the usual text form, without brackets or zone: `192.0.2.1`, `2001:db8::1`.
  ///
  /// Short and non-decimal forms of IPv4 give nil; ``IPv4Spelling`` reads those.
  public init?(_ text: some StringProtocol) {
    // `inet_pton` stops at a NUL.
    guard !text.utf8.contains(0) else { return nil }
    let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
    var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
    guard inet_pton(isIPv6 ? AF_INET6 : AF_INET, String(text), &bytes) == 1 else { return nil }
    self.init(bytes: bytes)
  }

  /// An IPv4 address from its number.
  init(ipv4 number: UInt32) {
    bytes = (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
  }

  /// Whether this is an address of IPv6.
  public var isIPv6: Bool { bytes.count == 16 }

  /// The IPv4 address that a NAT64 gateway would connect to in place of this IPv6 address.
  ///
  /// On networks without IPv4 every IPv4 host is reached through such an address, so these cannot be refused as such.
  /// Source: RFC 6052, section 2.1.
  var behindNAT64: IPAddress? {
    IPAddress.nat64Prefix == bytes.prefix(12) && isIPv6 ? IPAddress(bytes: bytes[12...]) : nil
  }

  private static let mappedPrefix: ArraySlice<UInt8> = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
  private static let nat64Prefix: ArraySlice<UInt8> = [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]
}

extension IPAddress: CustomStringConvertible {
  /// The usual text form, without brackets.
  ///
  /// Source: RFC 5952.
  public var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let isWritten =
      inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, &text, socklen_t(text.count)) != nil
    // The only possible failures are a bad family and too little room.
    precondition(isWritten, "inet_ntop refused an address")
    return String(
      decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
      as: UTF8.self
    )
  }
}
