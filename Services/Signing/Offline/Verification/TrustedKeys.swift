public import Cryptography
public import Primitives

/// The keys whose signatures an application accepts, and what it knows of each.
public struct TrustedKeys: Sendable {
  private let records: [SigningKeyRecord]
  /// Whose keys they are, where a root says so.
  private let place: (accountID: UUID, environment: Environment)?
  /// The number of the root's statement, for the caller to keep; nil without one.
  public let successionNumber: Int64?
  /// The list of revoked serials that came with the keys, still to be read.
  public let publishedRevocations: String?

  /// Trusts keys that the application embeds, whatever has become of them since.
  public init(_ publicKeys: [Ed25519PublicKey]) {
    records = publicKeys.map {
      SigningKeyRecord(publicKey: $0, state: .active, notBefore: .earliest)
    }
    place = nil
    successionNumber = nil
    publishedRevocations = nil
  }

  /// Trusts the keys that a root vouches for.
  ///
  /// The root's statement says which keys count. The active key's statement can only say less: that one of them was
  /// retired or revoked meanwhile.
  ///
  /// - Parameters:
  ///   - root: The one key that the application embeds.
  ///   - published: The document of keys, however it got here.
  ///   - lastSeenSuccession: The largest ``successionNumber`` the caller has seen.
  ///   - now: The time.
  /// - Throws: ``Refusal`` ``Verdict/invalidKeys`` when the root vouches for nothing in the document or something in it is
  ///   damaged; ``Verdict/keysRollback``.
  public init(
    root: Ed25519PublicKey,
    published: PublishedKeys,
    lastSeenSuccession: Int64? = nil,
    at now: Timestamp
  ) throws(Refusal) {
    let succession: Keyset
    let entry: PublishedKeys.Entry
    do throws(Refusal) {
      (entry, succession) = try Self.succession(by: root, in: published, at: now)
    } catch {
      throw error.renamed(.invalidKeys, in: "the document of keys")
    }
    if let lastSeenSuccession, succession.number < lastSeenSuccession {
      throw Refusal(
        .keysRollback,
        "succession \(succession.number) is older than \(lastSeenSuccession), which was seen before"
      )
    }
    let vouched = TrustedKeys(succession, revocations: entry.revocations)
    guard let text = entry.keyset else {
      self = vouched
      return
    }
    do throws(Refusal) {
      let keyset = try Self.keyset(parsing: text, trusting: vouched, at: now)
      self = TrustedKeys(
        succession.restricted(by: keyset),
        revocations: entry.revocations
      )
    } catch {
      throw error.renamed(.invalidKeys, in: "the keyset")
    }
  }

  private init(_ keyset: Keyset, revocations: String?) {
    records = keyset.keys
    place = (keyset.accountID, keyset.environment)
    successionNumber = keyset.number
    publishedRevocations = revocations
  }

  /// The first entry whose succession the root has signed; each environment has a root of its own.
  private static func succession(
    by root: Ed25519PublicKey,
    in published: PublishedKeys,
    at now: Timestamp
  ) throws(Refusal) -> (PublishedKeys.Entry, Keyset) {
    for entry in published.entries {
      let statement = try Statement(parsing: Array(entry.succession.utf8), as: .succession)
      guard statement.isSigned(by: root) else { continue }
      guard statement.accountID == published.accountID, statement.environment == entry.environment
      else { throw Refusal(.wrongAccount, "a succession is for another account or environment") }
      try ClockTolerance.check(issuedAt: statement.issuedAt, now: now)
      return (entry, try Keyset(statement))
    }
    throw Refusal(.invalidSignature, "no succession in it is signed by the root")
  }

  private static func keyset(
    parsing text: String,
    trusting vouched: TrustedKeys,
    at now: Timestamp
  ) throws(Refusal) -> Keyset {
    let statement = try Statement(parsing: Array(text.utf8), as: .keyset)
    let key = try vouched.key(named: statement.keyID, signingAt: statement.issuedAt)
    guard statement.isSigned(by: key) else {
      throw Refusal(.invalidSignature, "not signed by the key that it names")
    }
    try vouched.checkPlace(accountID: statement.accountID, environment: statement.environment)
    try ClockTolerance.check(issuedAt: statement.issuedAt, now: now)
    let keyset = try Keyset(statement)
    guard keyset.record(of: key.id)?.state == .active else {
      throw Refusal(.invalidSignature, "the key that signed it is not its active key")
    }
    return keyset
  }

  /// The key with a name, if what it signed at a time is accepted.
  ///
  /// - Throws: ``Refusal`` ``Verdict/unknownKey``, ``Verdict/keyRevoked``, ``Verdict/keyRetired`` or
  ///   ``Verdict/keyNotYetValid``.
  func key(named id: String, signingAt issuedAt: Timestamp) throws(Refusal) -> Ed25519PublicKey {
    guard let record = records.first(where: { $0.publicKey.id == id }) else {
      throw Refusal(.unknownKey, "signed by the key \(id), which is not among those trusted here")
    }
    guard record.state != .revoked else {
      throw Refusal(.keyRevoked, "the key \(id) was withdrawn: nothing it signed is accepted")
    }
    if let retiredAt = record.retiredAt, issuedAt > retiredAt + ClockTolerance.ahead {
      throw Refusal(
        .keyRetired,
        "the key \(id) was retired at \(retiredAt.iso8601), before this was issued"
      )
    }
    guard issuedAt >= record.notBefore - ClockTolerance.ahead else {
      throw Refusal(
        .keyNotYetValid,
        "the key \(id) exists since \(record.notBefore.iso8601), after this was issued"
      )
    }
    return record.publicKey
  }

  /// Refuses what is for another account or environment than the root's.
  func checkPlace(accountID: UUID, environment: Environment) throws(Refusal) {
    guard let place else { return }
    guard accountID == place.accountID else {
      throw Refusal(.wrongAccount, "for the account \(accountID)")
    }
    guard environment == place.environment else {
      throw Refusal(.wrongEnvironment, "for the \(environment.rawValue) environment")
    }
  }
}

extension Keyset {
  /// The same keys, each as far as another statement still permits it.
  fileprivate func restricted(by other: Keyset) -> Keyset {
    var restricted = self
    restricted.keys = keys.map { key in
      guard let later = other.record(of: key.publicKey.id) else { return key }
      var key = key
      switch (key.state, later.state) {
      case (.revoked, _): break
      case (_, .revoked): (key.state, key.retiredAt) = (.revoked, later.retiredAt)
      case (.retired, .retired):
        if let retiredAt = later.retiredAt, let before = key.retiredAt {
          key.retiredAt = min(retiredAt, before)
        }
      case (.retired, _): break
      case (_, .retired): (key.state, key.retiredAt) = (.retired, later.retiredAt)
      default: key.state = later.state
      }
      return key
    }
    return restricted
  }
}
