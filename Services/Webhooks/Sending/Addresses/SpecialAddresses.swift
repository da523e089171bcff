internal import Primitives

/// Why an address is not one that anybody on the internet can be reached at.
public enum SpecialAddress: String, Hashable, Sendable, CaseIterable {
  /// This machine.
  case loopback
  /// Private networks of IPv4 and unique-local ones of IPv6.
  case privateNetwork = "private"
  /// Networks behind a carrier's address translation.
  case carrierNAT = "carrier_nat"
  /// One link only; clouds serve the credentials of their machines there.
  case linkLocal = "link_local"
  /// A cloud's own services for the machines in it, at an address outside of the link-local range.
  case cloudService = "cloud_service"
  /// No particular host.
  case unspecified
  /// Many hosts at once.
  case multicast
  /// All hosts of a network.
  case broadcast
  /// For documents.
  case documentation
  /// For measurements between test devices.
  case benchmark
  /// Ways to carry IPv4 in IPv6 that name an IPv4 host in disguise: 6to4, Teredo, IPv4-compatible.
  case tunnel
  /// Set aside for protocols or for the future.
  case reserved

  /// Says it in words that fit behind "is".
  public var text: String {
    switch self {
    case .loopback: "a loopback address"
    case .privateNetwork: "an address of a private network"
    case .carrierNAT: "an address behind carrier-grade NAT"
    case .linkLocal: "a link-local address"
    case .cloudService: "an address of a cloud's internal service"
    case .unspecified: "the unspecified address"
    case .multicast: "a multicast address"
    case .broadcast: "the broadcast address"
    case .documentation: "an address for documentation"
    case .benchmark: "an address for benchmarks"
    case .tunnel: "an address of a tunnel"
    case .reserved: "a reserved address"
    }
  }
}

/// The addresses that are not public, by the registries.
///
/// Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates); RFC 4291 for IPv6, of which
/// 2000::/3 alone is handed out.
enum SpecialAddresses {
  /// What is special about an address; nil for a public one.
  static func kind(of address: IPAddress) -> SpecialAddress? {
    if let inner = address.behindNAT64 { return kind(of: inner) }
    if let entry = first(in: address.isIPv6 ? ipv6 : ipv4, holding: address) { return entry }
    return address.isIPv6 && !contains(globalUnicast, address) ? .reserved : nil
  }

  private static func first(in table: [Entry], holding address: IPAddress) -> SpecialAddress? {
    table.first { contains($0.range, address) }?.kind
  }

  private static func contains(_ range: AddressRange, _ address: IPAddress) -> Bool {
    address.bytes.withUnsafeBytes { range.contains($0) }
  }

  private struct Entry: Sendable {
    let kind: SpecialAddress
    let range: AddressRange

    init(_ kind: SpecialAddress, _ text: String) {
      self.kind = kind
      range = SpecialAddresses.range(text)
    }
  }

  static func range(_ text: String) -> AddressRange {
    do throws(AddressRange.Refusal) {
      return try AddressRange(text)
    } catch {
      preconditionFailure("\(text): \(error.message)")
    }
  }

  // The first range that holds an address names it, so the narrower stand first.
  private static let ipv4 = [
    // Azure's channel between a machine and its host, and Alibaba's metadata.
    Entry(.cloudService, "168.63.129.16/32"),
    Entry(.cloudService, "100.100.100.200/32"),
    Entry(.unspecified, "0.0.0.0/32"),
    Entry(.reserved, "0.0.0.0/8"),
    Entry(.privateNetwork, "10.0.0.0/8"),
    Entry(.carrierNAT, "100.64.0.0/10"),
    Entry(.loopback, "127.0.0.0/8"),
    Entry(.linkLocal, "169.254.0.0/16"),
    Entry(.privateNetwork, "172.16.0.0/12"),
    Entry(.documentation, "192.0.2.0/24"),
    Entry(.reserved, "192.0.0.0/24"),
    Entry(.tunnel, "192.88.99.0/24"),
    Entry(.privateNetwork, "192.168.0.0/16"),
    Entry(.benchmark, "198.18.0.0/15"),
    Entry(.documentation, "198.51.100.0/24"),
    Entry(.documentation, "203.0.113.0/24"),
    Entry(.documentation, "233.252.0.0/24"),
    Entry(.multicast, "224.0.0.0/4"),
    Entry(.broadcast, "255.255.255.255/32"),
    Entry(.reserved, "240.0.0.0/4"),
  ]

  private static let ipv6 = [
    // The metadata of AWS and of Google, within the unique-local range.
    Entry(.cloudService, "fd00:ec2::254/128"),
    Entry(.cloudService, "fd20:ce::254/128"),
    Entry(.unspecified, "::/128"),
    Entry(.loopback, "::1/128"),
    Entry(.tunnel, "::/96"),
    Entry(.tunnel, "2001::/32"),
    Entry(.benchmark, "2001:2::/48"),
    Entry(.reserved, "2001::/23"),
    Entry(.documentation, "2001:db8::/32"),
    Entry(.tunnel, "2002::/16"),
    Entry(.documentation, "3fff::/20"),
    Entry(.privateNetwork, "fc00::/7"),
    Entry(.linkLocal, "fe80::/10"),
    // Site-local, the forerunner of unique-local addresses; some networks still have them.
    Entry(.privateNetwork, "fec0::/10"),
    Entry(.multicast, "ff00::/8"),
  ]

  private static let globalUnicast = range("2000::/3")
}
