private import Glibc

/// One name by which peers know the holder of a certificate.
public enum CertificateName: Hashable, Sendable {
  /// A DNS name, such as `localhost` or the identity of a service, `licenses`.
  case dns(String)
  /// An IPv4 or IPv6 address in text form.
  case ip(String)

  /// Whether a certificate can be for this name.
  public var isWellFormed: Bool { configuration != nil }

  /// The name in OpenSSL's configuration syntax; nil when it is malformed.
  ///
  /// What comes through cannot hold a comma or a colon that begins another name.
  var configuration: String? {
    switch self {
    case .dns(let name): CertificateName.isHostName(name) ? "DNS:\(name)" : nil
    case .ip(let address): CertificateName.isAddress(address) ? "IP:\(address)" : nil
    }
  }

  /// Labels of 1 to 63 letters, digits and inner hyphens, 253 characters in all (RFC 1123, 2.1).
  static func isHostName(_ name: String) -> Bool {
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let hyphen = UInt8(ascii: "-")
    return name.utf8.count <= 253
      && labels.allSatisfy { label in
        (1...63).contains(label.count) && label.first != hyphen && label.last != hyphen
          && label.allSatisfy { $0 == hyphen || isLetterOrDigit($0) }
      }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: false
    }
  }

  private static func isAddress(_ text: String) -> Bool {
    // A zero byte would end the text early for the parser, and not for OpenSSL's configuration.
    guard !text.utf8.contains(0) else { return false }
    var address = in6_addr()
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1
  }
}
