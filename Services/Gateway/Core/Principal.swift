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
  /// The API key's own id.
  var keyID: String
  /// What it may do; `*` stands for everything.
  var scopes: [String]
  /// The addresses that the credential may be used from; everywhere when empty.
  var allowedAddresses: [AddressRange] = []

  /// Whether the credential has a scope.
  func holds(_ scope: String) -> Bool { scopes.contains { $0 == scope || $0 == "*" } }

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
