internal import EventLoop
internal import Faults
internal import Messages
internal import Primitives

/// Whose credential a request brought, and what it may do.
struct Principal: Sendable, Equatable {
  /// The account, a UUID.
  var accountID: String
  /// The data set that the credential reaches.
  var environment: Caller.Environment
  /// An API key, or a user.
  var kind: Caller.ActorKind
  /// The API key's or the user's own id.
  var id: String
  /// What it may do; `*` stands for everything.
  var scopes: [String]
  /// The addresses that the credential may be used from; everywhere when empty.
  var allowedAddresses: [AddressRange] = []
  /// The session by which a user acts.
  var sessionID: String?

  /// Makes sure that the credential has a scope.
  ///
  /// - Throws: ``Fault`` `permissionDenied`.
  func require(_ scope: String) throws(Fault) {
    guard !scopes.contains(where: { $0 == scope || $0 == "*" }) else { return }
    let holder = kind == .user ? "Your role" : "This API key"
    throw Fault(.permissionDenied, "\(holder) lacks the scope \(scope)", reason: .forbidden)
  }

  /// Makes sure that the credential may be used from an address.
  ///
  /// - Parameter address: The client's; nil where it is not known, which only a credential without limits admits.
  /// - Throws: ``Fault`` `permissionDenied`.
  func requireUse(from address: SocketAddress?) throws(Fault) {
    guard !allowedAddresses.isEmpty else { return }
    let isAllowed = address?.withIPBytes { bytes in
      allowedAddresses.contains { $0.contains(bytes) }
    }
    guard isAllowed == true else {
      throw Fault(
        .permissionDenied,
        "This API key may not be used from the address \(address?.host ?? "of this client")",
        reason: .forbidden
      )
    }
  }
}
