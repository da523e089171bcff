internal import EventLoop
internal import Faults

/// Finds out whose API key a request brought.
///
/// A key with a wrong checksum is refused here, without a call. Of a good one only the hash leaves this
/// process, and the verdict is kept for half a second: a busy client costs the keys service two calls a
/// second, and a revoked key works no longer than that.
@EventLoop
final class APIKeyAuthenticator {
  /// How long a verdict is used.
  static let verdictLifetime = Duration.milliseconds(500)
  /// How many verdicts are kept at most, twice: 20,000 of about 300 bytes are 6 MB.
  static let verdictsMax = 10_000

  /// What the keys service says of one key.
  enum Verdict: Sendable {
    case valid(Principal)
    case unknown, revoked, expired
  }

  private let verdicts: BriefCache<[UInt8], Verdict>

  /// Makes an authenticator.
  ///
  /// - Parameter lookup: Asks the keys service about the SHA-256 of a key.
  init(lookup: @escaping @EventLoop ([UInt8]) async throws(Fault) -> Verdict) {
    verdicts = BriefCache(
      lifetime: Self.verdictLifetime,
      countMax: Self.verdictsMax,
      fetch: lookup
    )
  }

  /// Whose key has this hash.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when the key is not good; `unavailable` when that cannot be
  ///   found out.
  func principal(forHash hash: [UInt8]) async throws(Fault) -> Principal {
    try Self.principal(by: try await verdicts.value(for: hash))
  }

  /// Whose key has this hash, if a verdict is at hand; nil where the keys service must be asked.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when the key is not good.
  func knownPrincipal(forHash hash: [UInt8]) throws(Fault) -> Principal? {
    guard let verdict = verdicts.cached(hash) else { return nil }
    return try Self.principal(by: verdict)
  }

  private static func principal(by verdict: Verdict) throws(Fault) -> Principal {
    switch verdict {
    case .valid(let principal): return principal
    case .unknown: throw Credential.refusal("Invalid API key")
    case .revoked: throw Credential.refusal("This API key has been revoked")
    case .expired: throw Credential.refusal("This API key has expired")
    }
  }

  /// Forgets every verdict, since keys may have changed.
  func forget() { verdicts.removeAll() }
}
