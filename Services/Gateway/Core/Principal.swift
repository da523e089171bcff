internal import Messages

/// Whose credential a request brought, and what it may do.
struct Principal: Sendable, Equatable {
  /// The account, a UUID.
  var accountID: String
  /// The data set that the credential reaches.
  var environment: Caller.Environment
  /// The API key's own id.
  var keyID: String
  /// What it may do; `*` stands for everything.
  var scopes: [String]

  /// Whether the credential has a scope.
  func holds(_ scope: String) -> Bool { scopes.contains { $0 == scope || $0 == "*" } }
}
