internal import Cryptography
internal import EventLoop
internal import Faults
internal import Messages
internal import Primitives
internal import RPC
internal import Stubs

/// What the gateway itself asks the keys service.
@EventLoop
struct KeysQuestions {
  /// How long a question may take; every request that needs the answer waits.
  private static let timeout = Duration.seconds(3)

  private let client: KeysClient
  private let users: UsersClient

  /// Asks over this channel.
  init(_ channel: Channel) {
    client = KeysClient(channel)
    users = UsersClient(channel)
  }

  /// What a key with this hash may do.
  func verdict(onHash hash: [UInt8]) async throws(Fault) -> APIKeyAuthenticator.Verdict {
    let answer = try await client.authenticateApiKey(
      AuthenticateApiKeyRequest(sha256: hash),
      CallOptions(timeout: Self.timeout)
    )
    switch answer.verdict {
    case .unknown: return .unknown
    case .revoked: return .revoked
    case .expired: return .expired
    case .valid:
      guard let accountID = answer.accountId, let environment = answer.environment,
        let keyID = answer.apiKeyId
      else { throw .internalError("The keys service found a valid key without saying whose") }
      return .valid(
        Principal(
          accountID: accountID,
          environment: environment == .live ? .live : .test,
          kind: .apiKey,
          id: keyID,
          scopes: answer.scopes,
          allowedAddresses: try ranges(answer.allowedAddresses)
        )
      )
    }
  }

  /// Whose session has a token with this hash; nil when there is none.
  func session(withTokenHash hash: [UInt8]) async throws(Fault) -> SessionAuthenticator.Session? {
    let answer = try await users.authenticateSession(
      AuthenticateSessionRequest(sha256: hash),
      CallOptions(timeout: Self.timeout)
    )
    guard answer.good else { return nil }
    guard let accountID = answer.accountId, let userID = answer.userId,
      let sessionID = answer.sessionId
    else { throw .internalError("The keys service found a session without saying whose") }
    return SessionAuthenticator.Session(
      accountID: accountID,
      userID: userID,
      sessionID: sessionID,
      testScopes: answer.testScopes,
      liveScopes: answer.liveScopes,
      isRotationDue: answer.rotationDue ?? false
    )
  }

  /// Exchanges the token with this hash; nil where that has been done.
  func exchangeToken(withHash hash: [UInt8]) async throws(Fault) -> String? {
    try await users.rotateSession(
      RotateSessionRequest(sha256: hash),
      CallOptions(timeout: Self.timeout)
    ).token
  }

  private func ranges(_ texts: [String]) throws(Fault) -> [AddressRange] {
    var ranges: [AddressRange] = []
    do throws(AddressRange.Refusal) {
      for text in texts { ranges.append(try AddressRange(text)) }
    } catch {
      throw .internalError("The keys service named an address range that is none")
    }
    return ranges
  }

  /// The keys that sign for an account; nil when there is no such account, or several and none named.
  func signingKeys(of signatory: ResponseSigner.Signatory) async throws(Fault) -> SigningKeys? {
    var request = GetResponseSigningKeyRequest()
    if case .account(let id) = signatory { request.accountId = id.description }
    do throws(Fault) {
      let answer = try await client.getResponseSigningKey(
        request,
        CallOptions(timeout: Self.timeout)
      )
      return SigningKeys(
        active: HMACSHA256(key: Array(answer.signingKey.utf8)),
        next: answer.nextSigningKey.map { HMACSHA256(key: Array($0.utf8)) }
      )
    } catch {
      guard error.code == .notFound else { throw error }
      return nil
    }
  }
}
