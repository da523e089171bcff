internal import Cryptography

extension CertificateName {
  /// A host of a URL, which may be an address.
  init(host: String) {
    let isAddress = host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }
    self = isAddress || host.contains(":") ? .ip(host) : .dns(host)
  }
}
