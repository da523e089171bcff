internal import Changes
internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import Stubs

extension Keys {
  /// Makes an API key for the user who asks, in the environment that they have chosen, with no more rights than their
  /// role has, and shows with it what a client needs to check answers and license files by.
  ///
  /// - Throws: ``Fault`` as ``createApiKey(_:_:)``, and `unavailable` when the signing service cannot be reached; then
  ///   no key was made.
  public func createDashboardApiKey(
    _ request: CreateApiKeyRequest,
    _ call: Call
  ) async throws(Fault) -> DashboardApiKey {
    let tenant = try call.requireTenant()
    guard let keys = try await accounts.responseSigningKeys(of: tenant.accountID) else {
      throw .internalError("An account has no response-signing key")
    }
    let signingKey = try await open(keys.active)
    let publicKey = try await signing.getPublicKeys(
      GetPublicKeysRequest(
        accountId: tenant.accountID.description,
        environment: tenant.environment == .live ? .live : .test
      )
    )
    .activePublicKey
    let active = keys.active.id
    let kept = KeptAnswer<ApiKey>(
      without: { _ in },
      restoredBy: { (_, change) async throws(Fault) in try change.recordShown(active) }
    )
    let new = try NewAPIKey(request, call)
    let made = try await issue(new, call, keeping: kept) { (change) throws(Fault) in
      try change.recordShown(active)
    }
    return DashboardApiKey(
      id: made.id,
      plainKey: made.key,
      plainKeySnake: made.key,
      signingKey: signingKey,
      signingKeySnake: signingKey,
      name: made.name,
      hint: made.hint,
      environment: made.environment,
      fullAccess: made.fullAccess,
      scopes: made.scopes,
      createdBy: made.createdBy,
      expiresAt: made.expiresAt,
      createdAt: made.createdAt,
      allowedAddresses: made.allowedAddresses,
      publicKey: publicKey,
      publicKeySnake: publicKey
    )
  }
}

extension Change {
  /// Records that the account's response-signing secret is shown, which is more than the role of a developer shows
  /// otherwise: each time, also where the same API key is shown again under its `Idempotency-Key`.
  fileprivate func recordShown(_ key: UUID) throws(Fault) {
    try record("responseSigningKey.show", key, before: ApiKey?.none, after: nil)
  }
}
