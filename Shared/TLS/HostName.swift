/// A host name or IP address in the form that may be compared with a certificate.
struct HostName {
  /// The longest name DNS allows, in its text form (RFC 1035, section 2.3.4).
  static let sizeMax = 253

  /// The name in lower case.
  let text: String

  /// Takes ASCII letters, digits, `-`, `.`, `_`, and `:` for IPv6; nil for anything else, above all NUL,
  /// at which C would silently cut the name.
  init?(_ bytes: some Collection<UInt8>) {
    guard !bytes.isEmpty, bytes.count <= Self.sizeMax else { return nil }
    var lower: [UInt8] = []
    lower.reserveCapacity(bytes.count)
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): lower.append(byte | 0x20)
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"):
        lower.append(byte)
      default: return nil
      }
    }
    text = String(decoding: lower, as: UTF8.self)
  }
}
