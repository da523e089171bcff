internal import Messages
internal import Primitives

/// What the database keeps of an API key, which is everything but the key.
struct APIKeyRecord: Equatable, Sendable {
  var tenant: Tenant
  var id: UUID
  var name: String
  /// The first characters of the key.
  var hint: String
  var scopes: Scopes
  var allowedAddresses: AllowedAddresses
  /// The key that made this one; nil when the operator did.
  var createdBy: UUID?
  /// The key that this one is the successor of.
  var replaces: UUID?
  /// The successor of this one; it stops at its expiry then, which is the end of the overlap.
  var replacedBy: UUID?
  /// The minute of the last use that was written.
  var lastUsedAt: Timestamp?
  var expiresAt: Timestamp?
  var revokedAt: Timestamp?
  /// When it was first reported as leaked.
  var leakedAt: Timestamp?
  /// The end of the overlap of a leaked key that is to be replaced.
  var retiresAt: Timestamp?
  var createdAt: Timestamp

  /// When the key stops by itself: at its expiry or, if that comes first, at the end of a leak's overlap.
  var end: Timestamp? {
    guard let expiresAt, let retiresAt else { return expiresAt ?? retiresAt }
    return min(expiresAt, retiresAt)
  }

  /// The answer that shows the record, and the key itself when it has just been made.
  func message(showing key: String? = nil) -> ApiKey {
    ApiKey(
      id: id.description,
      key: key,
      name: name,
      hint: hint,
      environment: ApiKey.Environment(tenant.environment),
      fullAccess: scopes == .everything,
      scopes: scopes.names,
      createdBy: createdBy?.description,
      expiresAt: expiresAt?.milliseconds,
      revokedAt: revokedAt?.milliseconds,
      createdAt: createdAt.milliseconds,
      allowedAddresses: allowedAddresses.texts,
      lastUsedAt: lastUsedAt?.milliseconds,
      replaces: replaces?.description,
      replacedBy: replacedBy?.description,
      retiresAt: (replacedBy == nil ? retiresAt : end)?.milliseconds,
      leakedAt: leakedAt?.milliseconds
    )
  }
}

extension ApiKey.Environment {
  /// The environment in the contract's words.
  init(_ environment: Environment) {
    switch environment {
    case .test: self = .test
    case .live: self = .live
    }
  }

  /// The environment in our own words.
  var value: Environment {
    switch self {
    case .test: .test
    case .live: .live
    }
  }
}
