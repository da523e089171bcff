internal import Cryptography
internal import EventLoop
internal import Faults
internal import Primitives

/// The keys that an account's answers are signed with.
struct SigningKeys: Sendable {
  /// What clients verify by.
  let active: HMACSHA256
  /// What clients will verify by when it takes the other's place; nil but during a rotation.
  let next: HMACSHA256?
}

/// Signs answers, so that a client knows that they come from the vendor's own Latchkey.
///
/// The signature is HMAC-SHA256 over the timestamp's text, one dot, and the body's bytes, under the
/// account's signing key as the text it is shown as; during a rotation there is another one under the next key.
///
/// Source: the API contract, section 2.1.1, and section 9, rows 8 and 9.
@EventLoop
final class ResponseSigner {
  /// How long keys are used: a rotation reaches every gateway within a second.
  static let keyLifetime = Duration.milliseconds(800)
  /// From which age on keys in use are asked for anew, so that no answer waits for them.
  static let keyRefreshAge = Duration.milliseconds(400)
  /// How long keys are used while the keys service cannot be asked: validations go on when it is down.
  static let keyLifetimeWithoutService = Duration.seconds(300)
  /// How many accounts' keys are kept at most, twice.
  static let keysMax = 10_000

  /// Whose key signs: a named account's, or the deployment's only one's.
  enum Signatory: Hashable, Sendable {
    case account(UUID)
    case onlyAccount
  }

  private let known: BriefCache<Signatory, SigningKeys?>

  /// Makes a signer.
  ///
  /// - Parameters:
  ///   - now: The clock.
  ///   - lookup: Asks the keys service; nil means that there is no such account, or more than one when none
  ///     is named.
  init(
    now: @escaping @EventLoop () -> Instant = { Instant.now },
    lookup: @escaping @EventLoop (Signatory) async throws(Fault) -> SigningKeys?
  ) {
    known = BriefCache(
      lifetime: Self.keyLifetime,
      refreshAge: Self.keyRefreshAge,
      lifetimeCutOff: Self.keyLifetimeWithoutService,
      countMax: Self.keysMax,
      now: now,
      fetch: lookup
    )
  }

  /// Signs a body as of now; nil when the answer must go unsigned.
  ///
  /// - Throws: ``Fault`` `unavailable` when the key is neither known nor to be had.
  func signature(
    of body: [UInt8],
    by signatory: Signatory
  ) async throws(Fault) -> Answer.Signature? {
    try await keys(of: signatory).map { Self.signature(of: body, with: $0) }
  }

  /// Does the same if the key is at hand; nil where it must be asked for first.
  func signatureNow(of body: [UInt8], by signatory: Signatory) -> Answer.Signature?? {
    known.cached(signatory).map { keys in keys.map { Self.signature(of: body, with: $0) } }
  }

  /// The keys of a signatory; nil when the answer must go unsigned.
  func keys(of signatory: Signatory) async throws(Fault) -> SigningKeys? {
    try await known.value(for: signatory)
  }

  /// Forgets every key, since they may have changed.
  func forget() { known.removeAll() }

  private static func signature(of body: [UInt8], with keys: SigningKeys) -> Answer.Signature {
    let timestamp = String(Timestamp.now().seconds)
    return Answer.Signature(
      timestamp: timestamp,
      text: signature(of: body, at: timestamp, with: keys.active),
      next: keys.next.map { signature(of: body, at: timestamp, with: $0) }
    )
  }

  /// The signature of a body, in lower-case hexadecimal.
  static func signature(of body: [UInt8], at timestamp: String, with key: HMACSHA256) -> String {
    var timestamp = timestamp + "."
    return timestamp.withUTF8 { stamp in
      body.span.withUnsafeBytes { body in
        key.withCode(of: UnsafeRawBufferPointer(stamp), body) { Hex.encode($0) }
      }
    }
  }
}
