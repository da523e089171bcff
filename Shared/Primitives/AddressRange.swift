private import Glibc

/// A range of IP addresses in CIDR notation, such as `203.0.113.0/24` or `2001:db8::/32`.
///
/// One notation stands for one range: the prefix length is written, no bit is set beyond it, and IPv4 is written as
/// IPv4. So a slip of the pen is refused and does not become another range than was meant. A range of one family
/// holds no address of the other.
/// Source: RFC 4632, section 3.1; RFC 4291, section 2.3.
public struct AddressRange: Hashable, Sendable {
  /// The first address, in network order: 4 bytes of IPv4, 16 of IPv6.
  private let first: [UInt8]
  /// How many leading bits all addresses of the range share.
  public let prefixLength: Int

  /// Why a text is no range, in a sentence for whoever wrote it.
  public struct Refusal: Error, Equatable {
    /// What is wrong, and what would be right.
    public let message: String
  }

  /// Reads a range.
  ///
  /// - Throws: ``Refusal`` when the text is no range, has bits beyond its prefix, or writes IPv4 as IPv6.
  public init(_ text: String) throws(Refusal) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let first = Self.bytes(of: parts[0]),
      let prefixLength = Self.number(parts[1]), prefixLength <= first.count * 8
    else {
      throw Refusal(
        message: "Must be an address range such as 203.0.113.0/24 or 2001:db8::/32; "
          + "one address is a range of /32 or /128"
      )
    }
    let isMapped =
      first.count == 16 && first[..<10].allSatisfy { $0 == 0 } && first[10] == 0xFF
      && first[11] == 0xFF
    guard !isMapped else {
      throw Refusal(message: "Must write IPv4 as IPv4, such as 203.0.113.0/24")
    }
    self.init(holding: first, prefixLength: prefixLength)
    guard self.first == first else {
      throw Refusal(message: "Has bits beyond its prefix; the range around it is \(self)")
    }
  }

  private init(holding address: [UInt8], prefixLength: Int) {
    first = address.enumerated().map { $0.element & Self.mask(prefixLength, atByte: $0.offset) }
    self.prefixLength = prefixLength
  }

  /// Whether an address, 4 or 16 bytes in network order, is in the range.
  public func contains(_ address: UnsafeRawBufferPointer) -> Bool {
    address.count == first.count
      && first.indices.allSatisfy {
        address[$0] & Self.mask(prefixLength, atByte: $0) == first[$0]
      }
  }

  /// Whether all addresses of another range are in this one.
  public func contains(_ other: AddressRange) -> Bool {
    prefixLength <= other.prefixLength && other.first.withUnsafeBytes { contains($0) }
  }

  /// The bits of one byte that a prefix covers.
  private static func mask(_ prefixLength: Int, atByte index: Int) -> UInt8 {
    let bits = min(max(prefixLength - index * 8, 0), 8)
    return UInt8(truncatingIfNeeded: 0xFF00 >> bits)
  }

  /// Reads a number of one to three digits, without leading zeros.
  private static func number(_ text: Substring) -> Int? {
    guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      text == "0" || !text.hasPrefix("0")
    else { return nil }
    return Int(text)
  }

  /// Reads an address; scopes (`%eth0`) and short forms of IPv4 (`10.1`) are none.
  private static func bytes(of text: Substring) -> [UInt8]? {
    // Beyond its letters `inet_pton` is strict, but it stops at a NUL.
    guard !text.utf8.contains(0) else { return nil }
    let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
    var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
    return inet_pton(isIPv6 ? AF_INET6 : AF_INET, String(text), &bytes) == 1 ? bytes : nil
  }
}

extension AddressRange: CustomStringConvertible {
  /// The one notation of the range.
  ///
  /// Source: RFC 5952.
  public var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = first.count == 16 ? AF_INET6 : AF_INET
    let isWritten = inet_ntop(family, first, &text, socklen_t(text.count)) != nil
    // The only possible failures are a bad family and too little room.
    precondition(isWritten, "inet_ntop refused an address")
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return "\(String(decoding: bytes, as: UTF8.self))/\(prefixLength)"
  }
}
