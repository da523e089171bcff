import Messages
import Primitives
import Protobuf
import Testing

@testable import KeysService

/// The table of roles and scopes: what each role may do, scope by scope, in both environments.
@Suite struct RoleTests {
  /// In which environments a role has a scope.
  enum Reach: String {
    case both, test, live, none
  }

  /// A scope, and the reach of owner, admin, developer, support and read-only.
  private static let rows: [(scope: String, reach: [Reach])] = [
    ("licenses:validate", [.both, .both, .both, .both, .both]),
    ("licenses:read", [.both, .both, .both, .both, .both]),
    ("licenses:write", [.both, .both, .both, .both, .none]),
    ("licenses:reveal", [.both, .both, .test, .none, .none]),
    ("machines:read", [.both, .both, .both, .both, .both]),
    ("machines:write", [.both, .both, .both, .both, .none]),
    ("products:read", [.both, .both, .both, .both, .both]),
    ("products:write", [.both, .both, .both, .none, .none]),
    ("policies:read", [.both, .both, .both, .both, .both]),
    ("policies:write", [.both, .both, .both, .none, .none]),
    ("entitlements:read", [.both, .both, .both, .both, .both]),
    ("entitlements:write", [.both, .both, .both, .none, .none]),
    ("webhooks:read", [.both, .both, .both, .none, .both]),
    ("webhooks:write", [.both, .both, .both, .none, .none]),
    ("signing:read", [.both, .both, .both, .none, .both]),
    ("signing:write", [.both, .both, .none, .none, .none]),
    ("analytics:read", [.both, .both, .both, .none, .both]),
    ("keys:read", [.both, .both, .both, .none, .none]),
    ("keys:write", [.both, .both, .test, .none, .none]),
    ("audit:read", [.both, .both, .none, .none, .none]),
    ("users:read", [.both, .both, .none, .none, .none]),
    ("users:write", [.both, .both, .none, .none, .none]),
  ]

  @Test func `each role has the scopes of the table and no other`() {
    // A scope that is new fails here until each role's part in it is decided.
    #expect(
      Set(Self.rows.map(\.scope)) == Set(Scopes.known).union(["users:read", "users:write"])
    )
    for row in Self.rows {
      for (role, wanted) in zip(Role.allCases, row.reach) {
        func holds(_ environment: Environment) -> Bool {
          role.scopes(in: environment).contains { $0 == row.scope || $0 == "*" }
        }
        let found: Reach =
          switch (holds(.test), holds(.live)) {
          case (true, true): .both
          case (true, false): .test
          case (false, true): .live
          case (false, false): .none
          }
        #expect(found == wanted, "\(role.stored): \(row.scope)")
      }
    }
    for role in Role.allCases {
      for environment in Environment.allCases {
        let scopes = role.scopes(in: environment)
        #expect(scopes == ["*"] || Set(scopes).isSubset(of: Set(Scopes.known)))
        #expect(Set(scopes).count == scopes.count)
      }
    }
  }

  @Test func `no API key can be given what is for users alone`() {
    for scope in ["users:read", "users:write", "*"] {
      #expect(throws: (any Error).self) { try Scopes(requested: [scope]) }
    }
  }

  /// In the order of the roles, each has a say over itself and those behind it.
  @Test func `a role has a say over its own and lower ones`() {
    for (index, role) in Role.allCases.enumerated() {
      for (otherIndex, other) in Role.allCases.enumerated() {
        let hasSay = (try? role.require(over: other)) != nil
        #expect(hasSay == (index <= otherIndex), "\(role.stored) over \(other.stored)")
      }
    }
  }

  @Test func `roles are kept by their names in JSON`() throws {
    for role in Role.allCases {
      #expect(Role.schema.name(of: role.rawValue) == role.stored)
      #expect(try Role(stored: role.stored) == role)
    }
    #expect(throws: (any Error).self) { try Role(stored: "god") }
  }
}
