internal import Faults

/// What an API key may do: everything, or what its scopes name.
enum Scopes: Equatable, Sendable {
  case everything
  case only([String])

  /// Every scope there is.
  ///
  /// Source: the REST contract, section 7; `licenses:validate`, `licenses:reveal`, `signing:*`, `keys:*` and
  /// `audit:read` are ours.
  static let known: [String] = [
    validating, reading, "licenses:write", "licenses:reveal", "machines:read", "machines:write",
    "products:read", "products:write", "policies:read", "policies:write", "entitlements:read",
    "entitlements:write", "webhooks:read", "webhooks:write", "analytics:read", "signing:read",
    "signing:write", "keys:read", "keys:write", "audit:read",
  ]

  /// To have a validation explained, which whoever reads licenses may, too.
  static let validating = "licenses:validate"
  private static let reading = "licenses:read"

  /// How a caller without limits is written in `Caller.scopes`.
  static let wildcard = "*"

  /// Reads the scopes of a caller, as the gateway gives them.
  init(caller scopes: [String]) {
    self = scopes.contains(Self.wildcard) ? .everything : .only(scopes)
  }

  /// Reads the scopes that a new key is to have.
  ///
  /// - Parameter scopes: The names asked for; nil when the request has none, which means everything.
  /// - Throws: ``Fault`` `invalidArgument` when a name is unknown, or the list is there and empty.
  init(requested scopes: [String]?) throws(Fault) {
    guard let scopes else {
      self = .everything
      return
    }
    guard !scopes.isEmpty else {
      throw .invalid([
        Fault.Issue(
          path: ["scopes"],
          message: "Must name a scope; leave it out for full access",
          code: "too_small"
        )
      ])
    }
    let issues = scopes.enumerated().filter { !Self.known.contains($0.element) }.map {
      Fault.Issue(
        path: ["scopes", String($0.offset)],
        message: "Unknown scope; expected one of " + Self.known.joined(separator: ", "),
        code: "invalid_enum_value"
      )
    }
    guard issues.isEmpty else { throw .invalid(issues) }
    self = .only(Self.known.filter(scopes.contains))
  }

  /// Makes sure that a caller hands on no right that it does not have itself.
  ///
  /// - Throws: ``Fault`` `permissionDenied`, naming what the caller lacks.
  func require(grantableBy caller: Scopes) throws(Fault) {
    guard case .only(let held) = caller else { return }
    switch self {
    case .everything:
      throw .forbidden("Only who has full access can give it to an API key; name its scopes")
    case .only(let wanted):
      let missing = wanted.filter { !Self.includes($0, in: held) }
      guard missing.isEmpty else {
        throw .forbidden(
          "An API key can be given only scopes that its maker has; you lack "
            + missing.joined(separator: ", ")
        )
      }
    }
  }

  /// Makes sure that a caller has every right of a key that it is to change.
  ///
  /// - Throws: ``Fault`` `permissionDenied`.
  func require(heldBy caller: Scopes) throws(Fault) {
    guard case .only(let held) = caller else { return }
    guard case .only(let wanted) = self, wanted.allSatisfy({ Self.includes($0, in: held) }) else {
      throw .forbidden("This API key may do more than yours, which cannot change or rotate it")
    }
  }

  private static func includes(_ scope: String, in held: [String]) -> Bool {
    held.contains(scope) || (scope == validating && held.contains(reading))
  }

  /// What is left to a key that leaked: all but making and changing API keys, by which whoever has it could stay.
  var withoutKeyManagement: Scopes {
    let names = self == .everything ? Self.known : names
    return .only(names.filter { $0 != "keys:write" })
  }

  /// The names; empty for everything.
  var names: [String] {
    switch self {
    case .everything: []
    case .only(let names): names
    }
  }

  /// The names as the database keeps them: null for everything.
  var stored: [String]? {
    switch self {
    case .everything: nil
    case .only(let names): names
    }
  }

  /// Reads the names that the database keeps.
  init(stored names: [String]?) {
    self = names.map(Scopes.only) ?? .everything
  }

  /// The names as ``init(caller:)`` reads them.
  var forCaller: [String] {
    switch self {
    case .everything: [Self.wildcard]
    case .only(let names): names
    }
  }
}

extension Fault {
  /// The caller's rights do not reach that far.
  static func forbidden(_ message: String) -> Fault {
    Fault(.permissionDenied, message, reason: .forbidden)
  }
}
