internal import Messages
internal import Primitives

/// What is known of the API key that a hash leads to.
struct KeyFacts: Equatable, Sendable {
  var tenant: Tenant
  var id: UUID
  var scopes: Scopes
  var allowedAddresses: AllowedAddresses
  /// When it stops by itself, whatever the reason.
  var expiresAt: Timestamp?
  var revokedAt: Timestamp?
  /// Whether it has leaked and is to be replaced.
  var isRetiring: Bool
}

extension AuthenticateApiKeyResponse {
  /// Judges the API key that a hash leads to; nil facts are of a hash that no key has.
  ///
  /// A key that is no longer good tells nothing but that.
  init(on facts: KeyFacts?, at now: Timestamp) {
    guard let facts else {
      self.init(verdict: .unknown)
      return
    }
    if facts.revokedAt != nil {
      self.init(verdict: .revoked)
    } else if let expiresAt = facts.expiresAt, expiresAt <= now {
      self.init(verdict: .expired)
    } else {
      self.init(
        verdict: .valid,
        accountId: facts.tenant.accountID.description,
        environment: ApiKey.Environment(facts.tenant.environment),
        apiKeyId: facts.id.description,
        scopes: (facts.isRetiring ? facts.scopes.withoutKeyManagement : facts.scopes).forCaller,
        allowedAddresses: facts.allowedAddresses.texts
      )
    }
  }
}
