public import Primitives

/// Which addresses deliveries may go to: the public ones, and what the operator adds for a closed network.
///
/// It is asked twice about every delivery: of all addresses that a name has, and of the one that is really connected to.
public struct AddressPolicy: Sendable {
  /// Whether this machine may be called, and `localhost` be written.
  public let allowsLoopback: Bool
  /// Private ranges that may be called.
  public let allowedRanges: [AddressRange]
  /// Whether `http://` may be written; it then leads to the addresses that are not public and allowed here, and
  /// nowhere else.
  public let allowsPlainHTTP: Bool

  /// Public addresses over https: what a deployment on the internet has.
  public static let publicOnly = AddressPolicy(
    allowsLoopback: false,
    ranges: [],
    allowsPlainHTTP: false
  )

  /// Why a policy is refused, in a sentence for the operator.
  public struct Refusal: Error, Equatable {
    /// What is wrong, and what would be right.
    public let message: String
  }

  /// Makes a policy of what the operator allows.
  ///
  /// - Parameters:
  ///   - allowsLoopback: For development; `latchkey up` sets it and says so.
  ///   - allowedRanges: Each within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 or fc00::/7. The addresses
  ///     of clouds' metadata services stay closed also where a range holds them.
  ///   - allowsPlainHTTP: Whether these may be called without TLS.
  /// - Throws: ``Refusal`` for a range that is not a private one.
  public init(
    allowsLoopback: Bool = false,
    allowedRanges: [AddressRange] = [],
    allowsPlainHTTP: Bool = false
  ) throws(Refusal) {
    for range in allowedRanges
    where !AddressPolicy.openable.contains(where: { $0.contains(range) }) {
      throw Refusal(
        message: "The range \(range) is not private; allowed are parts of "
          + AddressPolicy.openable.map(\.description).joined(separator: ", ")
      )
    }
    self.init(
      allowsLoopback: allowsLoopback,
      ranges: allowedRanges,
      allowsPlainHTTP: allowsPlainHTTP
    )
  }

  private init(allowsLoopback: Bool, ranges: [AddressRange], allowsPlainHTTP: Bool) {
    self.allowsLoopback = allowsLoopback
    allowedRanges = ranges
    self.allowsPlainHTTP = allowsPlainHTTP
  }

  /// Whether names are allowed that only a local network knows, such as `hooks.internal` or a single label.
  var allowsLocalNames: Bool { !allowedRanges.isEmpty }

  /// Why an address must not be called; nil when it may.
  public func refusal(of address: IPAddress, over scheme: WebhookURL.Scheme) -> AddressRefusal? {
    guard let kind = SpecialAddresses.kind(of: address) else {
      return scheme == .https ? nil : .plainHTTP
    }
    let isAllowed =
      switch kind {
      case .loopback: allowsLoopback
      case .privateNetwork, .carrierNAT: isListed(address.behindNAT64 ?? address)
      default: false
      }
    guard isAllowed else { return .special(kind) }
    return scheme == .https || allowsPlainHTTP ? nil : .plainHTTP
  }

  private func isListed(_ address: IPAddress) -> Bool {
    address.bytes.withUnsafeBytes { bytes in allowedRanges.contains { $0.contains(bytes) } }
  }

  /// What an operator may open: networks of the operator's own.
  private static let openable = [
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7",
  ].map(SpecialAddresses.range)
}

/// Why an address must not be called.
public enum AddressRefusal: Hashable, Sendable {
  /// It is not a public one.
  case special(SpecialAddress)
  /// It would be called without TLS although it is public, or although that is switched off.
  case plainHTTP

  /// Says it in words that fit behind "is".
  ///
  /// The address itself is not named: who may register an endpoint need not learn what a name stands for in the
  /// operator's network.
  public var text: String {
    switch self {
    case .special(let kind): kind.text
    case .plainHTTP: "a public address, which takes https"
    }
  }
}
