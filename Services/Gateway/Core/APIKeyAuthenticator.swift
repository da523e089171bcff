internal import Cryptography
internal import EventLoop
internal import Faults
internal import HTTP
internal import Messages

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

  /// The hash of the key that a request brought.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when there is no API key, several, or none that could be ours.
  static func hash(ofKeyIn fields: HeaderFields) throws(Fault) -> [UInt8] {
    guard let field = fields.bytes(of: "authorization") else {
      throw refusal("Missing API key: send it as \"Authorization: Bearer lk_...\"")
    }
    guard fields.count(of: "authorization") == 1, let text = bearer(field) else {
      throw refusal("This endpoint needs an API key: \"Authorization: Bearer lk_...\"")
    }
    guard let key = APIKey.parse(text) else { throw refusal("Invalid API key") }
    return key.hash
  }

  /// Whose key has this hash.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when the key is not good; `unavailable` when that cannot be
  ///   found out.
  func principal(forHash hash: [UInt8]) async throws(Fault) -> Principal {
    let verdict: Verdict
    if let known = verdicts.cached(hash) {
      verdict = known
    } else {
      verdict = try await verdicts.value(for: hash)
    }
    switch verdict {
    case .valid(let principal): return principal
    case .unknown: throw Self.refusal("Invalid API key")
    case .revoked: throw Self.refusal("This API key has been revoked")
    case .expired: throw Self.refusal("This API key has expired")
    }
  }

  /// Forgets every verdict, since keys may have changed.
  func forget() { verdicts.removeAll() }

  private static func refusal(_ message: String) -> Fault {
    Fault(.unauthenticated, message, reason: .unauthorized)
  }

  /// The credentials of the scheme `Bearer`, whose name is read in either case.
  ///
  /// Source: RFC 9110, section 11.4; RFC 6750, section 2.1.
  private static func bearer(_ field: ArraySlice<UInt8>) -> String? {
    let scheme: StaticString = "bearer"
    let count = scheme.utf8CodeUnitCount
    guard field.count > count, field[field.startIndex + count] == UInt8(ascii: " ") else {
      return nil
    }
    for (offset, byte) in field.prefix(count).enumerated()
    where byte | 0x20 != scheme.utf8Start[offset] {
      return nil
    }
    let token = field.dropFirst(count + 1).drop { $0 == UInt8(ascii: " ") }
    return String(validating: token, as: UTF8.self)
  }
}
