internal import Faults
internal import Messages
internal import Primitives

/// What each role may do: the one table of it. README.md shows the same.
///
/// A role is made of the scopes that API keys have, so that a user and a key with the same scopes may do the same.
/// `users:read` and `users:write` are for users alone: no API key can have them, and nothing that admits API keys asks
/// for them.
extension Role {
  /// What a user of this role may do in an environment; `*` stands for everything.
  func scopes(in environment: Environment) -> [String] {
    switch self {
    // What owners have before admins is not a scope: nobody but an owner touches an owner.
    case .owner, .admin: [Scopes.wildcard]
    case .developer:
      switch environment {
      case .live: Self.building + ["keys:read"]
      // Keys of customers' licenses, and API keys that can change them, are not for everyday work on live data.
      case .test: Self.building + ["keys:read", "keys:write", "licenses:reveal"]
      }
    case .support: Self.supporting
    case .readOnly: Self.looking
    }
  }

  /// Everything that is sold, issued and delivered.
  private static let building = [
    Scopes.validating, "licenses:read", "licenses:write", "machines:read", "machines:write",
    "products:read", "products:write", "policies:read", "policies:write", "entitlements:read",
    "entitlements:write", "webhooks:read", "webhooks:write", "signing:read", "analytics:read",
  ]
  /// Licenses and machines in each state, and what they are made of.
  private static let supporting = [
    Scopes.validating, "licenses:read", "licenses:write", "machines:read", "machines:write",
    "products:read", "policies:read", "entitlements:read",
  ]
  /// Everything that can be read, but who else may do what and what was done.
  private static let looking = [
    Scopes.validating, "licenses:read", "machines:read", "products:read", "policies:read",
    "entitlements:read", "webhooks:read", "signing:read", "analytics:read",
  ]

  /// Higher may do more.
  private var rank: Int {
    switch self {
    case .owner: 4
    case .admin: 3
    case .developer: 2
    case .support: 1
    case .readOnly: 0
    }
  }

  /// Makes sure that a user of this role may give a role to somebody, or touch somebody who has it.
  ///
  /// - Throws: ``Fault`` `permissionDenied` when the other role is above this one.
  func require(over other: Role) throws(Fault) {
    guard rank >= other.rank else {
      throw .forbidden("Your role is \(stored), which has no say over the role \(other.stored)")
    }
  }

  /// The role as the database keeps it, which is its name in JSON.
  var stored: String {
    switch self {
    case .owner: "owner"
    case .admin: "admin"
    case .developer: "developer"
    case .support: "support"
    case .readOnly: "read-only"
    }
  }

  /// Reads a role that the database keeps.
  init(stored name: String) throws(Fault) {
    guard let role = Self.allCases.first(where: { $0.stored == name }) else {
      throw .internalError("The database has a role that there is not: \(name)")
    }
    self = role
  }
}
