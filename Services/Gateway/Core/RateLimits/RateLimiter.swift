internal import Cryptography
internal import EventLoop
internal import Faults
internal import HTTP
internal import Primitives
internal import Protobuf

/// Counts requests: each against the license key, the API key or the address that it comes from.
///
/// Which of them depends on what the request brought, so that the devices of an office do not use up each other's
/// limits. What has no good credential counts by address; that bounds guessing. A credential that has been good before
/// is let through when others at its address have used that up.
///
/// Source: the API contract, section 4.3.
@EventLoop
final class RateLimiter {
  /// 2^15 sets of eight buckets, which are 4 MiB.
  ///
  /// A bucket says something until it is full again, seconds after its last use for most, so this is room for tens of
  /// thousands of different clients a second.
  private static let setCount = 1 << 15

  /// What a bucket is for; part of its name in the table.
  private enum Kind: UInt64 {
    case validation = 1
    case activation, license, management, publicPages
    case validationByAddress, activationByAddress, licenseByAddress
    /// No bucket: a mark that the credential was good.
    case good

    /// What is added to a hash to name a bucket of this kind: any number that spreads, since nobody knows the hash.
    var salt: UInt64 { rawValue &* 0x9E37_79B9_7F4A_7C15 }
  }

  private let limits: RateLimits
  private let now: @EventLoop () -> Instant
  private let clock: @EventLoop () -> Timestamp
  private let hash = SipHash()
  private var table = BucketTable(setCount: setCount)

  /// Makes a limiter whose buckets are all full.
  ///
  /// - Parameters:
  ///   - limits: How many requests are allowed.
  ///   - now: The clock by which buckets are filled.
  ///   - clock: The time of day, for what clients are told.
  init(
    _ limits: RateLimits,
    now: @escaping @EventLoop () -> Instant = { Instant.now },
    clock: @escaping @EventLoop () -> Timestamp = { Timestamp.now() }
  ) {
    self.limits = limits
    self.now = now
    self.clock = clock
  }

  // MARK: The steps of a request

  /// Counts a request whose route is known and whose credential was read, but not checked.
  ///
  /// - Parameters:
  ///   - route: What is asked for.
  ///   - credential: What the request brought.
  ///   - address: Where it came from.
  /// - Returns: Whether it may go on.
  func count(_ route: Route, _ credential: Credential, from address: SocketAddress?) -> RateVerdict
  {
    switch credential {
    case .none:
      switch route.limit {
      case .validation:
        return take(.validationByAddress, limits.validationByAddress, name(of: address))
      case .activation:
        return take(.activationByAddress, limits.activationByAddress, name(of: address))
      case .management, .publicPages:
        return countUncredited(from: address)
      }
    case .apiKey(let hash), .session(let hash, _):
      let name = name(ofHash: hash)
      if let refusal = refuseUnknown(name, from: address) { return refusal }
      return take(.management, limits.management, name)
    case .licenseKey(var key):
      let name = key.withUTF8 { self.name(ofLicenseKey: $0) }
      let byAddress = self.name(of: address)
      let ceiling =
        switch route.limit {
        case .validation: take(.validationByAddress, limits.validationByAddress, byAddress)
        case .activation: take(.activationByAddress, limits.activationByAddress, byAddress)
        case .management, .publicPages: take(.licenseByAddress, limits.licenseByAddress, byAddress)
        }
      guard ceiling.isAllowed else { return ceiling }
      if let refusal = refuseUnknown(name, from: address) { return refusal }
      return switch route.limit {
      case .validation: take(.validation, limits.validation, name)
      case .activation: take(.activation, limits.activation, name)
      case .management, .publicPages: take(.license, limits.license, name)
      }
    }
  }

  /// Counts a request by the license key in its message, which has been counted by its address before.
  ///
  /// - Returns: nil where the message has no such field.
  func count(_ route: Route, licenseKeyIn message: [UInt8]) -> RateVerdict? {
    guard let field = route.limitedBy,
      let range = RawMessage(message).value(of: route.request.fields[field].number)
    else { return nil }
    let name = message.withUnsafeBufferPointer {
      self.name(ofLicenseKey: UnsafeBufferPointer(rebasing: $0[range]))
    }
    return switch route.limit {
    case .validation: take(.validation, limits.validation, name)
    case .activation: take(.activation, limits.activation, name)
    case .management, .publicPages: take(.license, limits.license, name)
    }
  }

  /// Counts a request without a good credential.
  func countUncredited(from address: SocketAddress?) -> RateVerdict {
    take(.publicPages, limits.publicPages, name(of: address))
  }

  /// Remembers that a credential was good.
  func noteGood(_ credential: Credential) {
    let name: UInt64
    switch credential {
    case .none: return
    case .apiKey(let hash), .session(let hash, _): name = self.name(ofHash: hash)
    case .licenseKey(var key): name = key.withUTF8 { self.name(ofLicenseKey: $0) }
    }
    let now = now().nanoseconds
    // As a bucket that is full: of the marks of a set the oldest is the first to go.
    table.update(name &+ Kind.good.salt) { $0 = now }
  }

  // MARK: Buckets

  private func take(_ kind: Kind, _ limit: RateLimit, _ name: UInt64) -> RateVerdict {
    let now = now().nanoseconds
    let outcome = table.update(name &+ kind.salt) { limit.take(from: &$0, at: now) }
    return RateVerdict(outcome, of: limit, at: clock())
  }

  /// The refusal of a credential that nobody has seen to be good, from an address that has used up its attempts.
  private func refuseUnknown(_ name: UInt64, from address: SocketAddress?) -> RateVerdict? {
    guard table.fullAt(name &+ Kind.good.salt) == nil,
      let fullAt = table.fullAt(self.name(of: address) &+ Kind.publicPages.salt)
    else { return nil }
    let outcome = limits.publicPages.look(at: fullAt, now().nanoseconds)
    guard !outcome.isAllowed else { return nil }
    return RateVerdict(outcome, of: limits.publicPages, at: clock())
  }

  // MARK: Names

  /// An address: of IPv6 the first half, which is what one subscriber has at least.
  ///
  /// Source: RFC 6177, section 2.
  private func name(of address: SocketAddress?) -> UInt64 {
    guard let address else { return 0 }
    return address.withIPBytes { bytes in
      hash.hash(bytes.count > 8 ? UnsafeRawBufferPointer(rebasing: bytes[..<8]) : bytes)
    }
  }

  private func name(ofHash bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { hash.hash($0) }
  }

  /// A license key: in canonical form where it has one, so that its spellings share their buckets.
  private func name(ofLicenseKey key: UnsafeBufferPointer<UInt8>) -> UInt64 {
    LicenseKey.withCanonicalBytes(of: key) { hash.hash(UnsafeRawBufferPointer($0 ?? key)) }
  }
}
