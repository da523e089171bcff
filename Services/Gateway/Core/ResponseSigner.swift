internal import Cryptography
internal import EventLoop
internal import Faults
internal import Primitives

/// Signs answers, so that a client knows that they come from the vendor's own Latchkey.
///
/// The signature is HMAC-SHA256 over the timestamp's text, one dot, and the body's bytes, under the
/// account's signing key as the text it is shown as.
///
/// Source: the API contract, section 2.1.1, and section 9, rows 8 and 9.
@EventLoop
final class ResponseSigner {
  /// How long a key is used before it is asked for again.
  static let keyLifetime = Duration.seconds(10)
  /// How long a key is used while the keys service cannot be asked: validations go on when it is down.
  static let keyLifetimeWithoutService = Duration.seconds(300)
  /// How many accounts' keys are kept at most.
  static let keysMax = 10_000

  /// Whose key signs: a named account's, or the deployment's only one's.
  enum Signatory: Hashable, Sendable {
    case account(UUID)
    case onlyAccount
  }

  private struct Known {
    let key: HMACSHA256?
    let found: Instant
  }

  private let now: @EventLoop () -> Instant
  private let lookup: @EventLoop (Signatory) async throws(Fault) -> HMACSHA256?
  private var known: [Signatory: Known] = [:]
  private lazy var keys = BriefCache<Signatory, HMACSHA256?>(
    lifetime: Self.keyLifetime,
    countMax: Self.keysMax,
    now: now
  ) { [unowned self] (signatory) async throws(Fault) in
    try await find(signatory)
  }

  /// Makes a signer.
  ///
  /// - Parameters:
  ///   - now: The clock.
  ///   - lookup: Asks the keys service; nil means that there is no such account, or more than one when none
  ///     is named.
  init(
    now: @escaping @EventLoop () -> Instant = { Instant.now },
    lookup: @escaping @EventLoop (Signatory) async throws(Fault) -> HMACSHA256?
  ) {
    self.now = now
    self.lookup = lookup
  }

  /// Signs a body as of now; nil when the answer must go unsigned.
  ///
  /// - Throws: ``Fault`` `unavailable` when the key is neither known nor to be had.
  func signature(
    of body: [UInt8],
    by signatory: Signatory
  ) async throws(Fault) -> Answer.Signature? {
    try await key(of: signatory).map { Self.signature(of: body, with: $0) }
  }

  /// Does the same if the key is at hand; nil where it must be asked for first.
  func signatureNow(of body: [UInt8], by signatory: Signatory) -> Answer.Signature?? {
    keys.cached(signatory).map { key in key.map { Self.signature(of: body, with: $0) } }
  }

  private static func signature(of body: [UInt8], with key: HMACSHA256) -> Answer.Signature {
    let timestamp = String(Timestamp.now().seconds)
    return Answer.Signature(
      timestamp: timestamp,
      text: signature(of: body, at: timestamp, with: key)
    )
  }

  /// The key of a signatory; nil when the answer must go unsigned.
  func key(of signatory: Signatory) async throws(Fault) -> HMACSHA256? {
    if let key = keys.cached(signatory) { return key }
    return try await keys.value(for: signatory)
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

  private func find(_ signatory: Signatory) async throws(Fault) -> HMACSHA256? {
    do throws(Fault) {
      let key = try await lookup(signatory)
      if known.count >= Self.keysMax { known.removeAll() }
      known[signatory] = Known(key: key, found: now())
      return key
    } catch {
      guard error.code == .unavailable || error.code == .deadlineExceeded,
        let last = known[signatory], now() - last.found < Self.keyLifetimeWithoutService
      else { throw error }
      return last.key
    }
  }
}
