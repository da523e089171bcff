internal import Changes
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
    // Where this is repeated under its Idempotency-Key, it is the same key that is shown again.
    let made = try await issue(try NewAPIKey(request, call), call) { (change) throws(Fault) in
      // The secret is the whole account's, and more than the role of a developer shows otherwise.
      try change.record("responseSigningKey.show", keys.active.id, before: ApiKey?.none, after: nil)
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
