internal import EventLoop
internal import Faults
internal import Messages

/// Finds out whose session a request brought.
///
/// As with API keys, only the hash of the token leaves this process, and the verdict is kept for half a second.
@EventLoop
final class SessionAuthenticator {
  /// What the keys service says of one token.
  struct Session: Sendable {
    /// The account, a UUID.
    var accountID: String
    var userID: String
    var sessionID: String
    /// What the user may do in each environment; `*` stands for everything.
    var testScopes: [String]
    var liveScopes: [String]
    /// Whether the token is to be exchanged for another.
    var isRotationDue: Bool

    /// The user, as a request in an environment has them.
    func principal(in environment: Caller.Environment) -> Principal {
      Principal(
        accountID: accountID,
        environment: environment,
        kind: .user,
        id: userID,
        scopes: environment == .live ? liveScopes : testScopes,
        sessionID: sessionID
      )
    }
  }

  /// Nil for a token that is nobody's, or not any more.
  private let verdicts: BriefCache<[UInt8], Session?>
  private let exchange: @EventLoop ([UInt8]) async throws(Fault) -> String?

  /// Makes an authenticator.
  ///
  /// - Parameters:
  ///   - lookup: Asks the keys service about the SHA-256 of a token.
  ///   - exchange: Has the keys service exchange the token with a SHA-256; nil where somebody else has done so.
  init(
    lookup: @escaping @EventLoop ([UInt8]) async throws(Fault) -> Session?,
    exchange: @escaping @EventLoop ([UInt8]) async throws(Fault) -> String?
  ) {
    verdicts = BriefCache(
      lifetime: APIKeyAuthenticator.verdictLifetime,
      countMax: APIKeyAuthenticator.verdictsMax,
      fetch: lookup
    )
    self.exchange = exchange
  }

  /// Whose session has a token with this hash.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when there is none; `unavailable` when that cannot be found out.
  func session(forHash hash: [UInt8]) async throws(Fault) -> Session {
    try Self.good(try await verdicts.value(for: hash))
  }

  /// The same if a verdict is at hand and nothing else is to be done; nil where the keys service must be asked.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when there is no such session.
  func knownSession(forHash hash: [UInt8]) throws(Fault) -> Session? {
    guard let verdict = verdicts.cached(hash) else { return nil }
    let session = try Self.good(verdict)
    return session.isRotationDue ? nil : session
  }

  /// Exchanges a token whose time for that has come.
  ///
  /// That it cannot be done now is no reason to refuse the request: the next one tries again.
  ///
  /// - Returns: The new token; nil where there is none.
  func exchangeToken(withHash hash: [UInt8]) async -> String? {
    do throws(Fault) {
      let token = try await exchange(hash)
      verdicts.removeAll()
      return token
    } catch {
      return nil
    }
  }

  private static func good(_ verdict: Session?) throws(Fault) -> Session {
    guard let verdict else { throw Credential.refusal("The session has ended; log in again") }
    return verdict
  }

  /// Forgets every verdict, since sessions may have changed.
  func forget() { verdicts.removeAll() }
}
