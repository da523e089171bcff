internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Keys {
  /// Makes an API key in the caller's environment, with no more rights than the caller has.
  ///
  /// The answer is the only one that shows the key.
  ///
  /// - Throws: ``Fault`` `invalidArgument` for an unknown scope, scopes beside a preset, an expiry that has
  ///   passed, what is no address range, or another environment; `permissionDenied` for a right that the caller
  ///   does not have, or an address that it may not be used from.
  public func createApiKey(_ request: CreateApiKeyRequest, _ call: Call) async throws(Fault)
    -> ApiKey
  {
    try await issue(try NewAPIKey(request, call), call)
  }
}

extension NewAPIKey {
  /// Reads what a caller wants, and checks it against what the caller may do.
  @EventLoop
  init(_ request: CreateApiKeyRequest, _ call: Call) throws(Fault) {
    let tenant = try call.requireTenant()
    let scopes = try Scopes(of: request)
    try scopes.require(grantableBy: Scopes(caller: call.caller?.scopes ?? []))
    if let environment = request.environment, environment.value != tenant.environment {
      throw .invalid([
        Fault.Issue(
          path: ["environment"],
          message: call.caller?.actorKind == .user
            ? "Name the same environment in the header Latchkey-Environment"
            : "An API key makes keys of its own environment: \(tenant.environment.rawValue)",
          code: "custom"
        )
      ])
    }
    self.init(
      tenant: tenant,
      name: request.name,
      scopes: scopes,
      allowedAddresses: try AllowedAddresses(requested: request.allowedAddresses),
      expiresAt: request.expiresAt.map(Timestamp.init(milliseconds:)),
      createdBy: call.caller?.actorId.flatMap(UUID.init)
    )
  }
}

extension Scopes {
  /// The scopes that a request names, one by one or by a preset.
  fileprivate init(of request: CreateApiKeyRequest) throws(Fault) {
    let isGiven = !request.scopes.isEmpty || request.presentNames.contains("scopes")
    guard let preset = request.preset else {
      try self.init(requested: isGiven ? request.scopes : nil)
      return
    }
    guard !isGiven else {
      throw .invalid([
        Fault.Issue(path: ["preset"], message: "Give a preset or scopes, not both", code: "custom")
      ])
    }
    self.init(preset)
  }
}
