internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Keys {
  /// Makes an API key in the calling key's environment, with no more rights than that one has.
  ///
  /// The answer is the only one that shows the key.
  ///
  /// - Throws: ``Fault`` `invalidArgument` for an unknown scope, an expiry that has passed, or another
  ///   environment; `permissionDenied` for a right that the caller does not have.
  public func createApiKey(_ request: CreateApiKeyRequest, _ call: Call) async throws(Fault)
    -> ApiKey
  {
    let tenant = try call.requireTenant()
    let isGiven = !request.scopes.isEmpty || request.presentNames.contains("scopes")
    let scopes = try Scopes(requested: isGiven ? request.scopes : nil)
    try scopes.require(grantableBy: Scopes(caller: call.caller?.scopes ?? []))
    if let environment = request.environment, environment.value != tenant.environment {
      throw .invalid([
        Fault.Issue(
          path: ["environment"],
          message: "An API key makes keys of its own environment: \(tenant.environment.rawValue)",
          code: "custom"
        )
      ])
    }
    let record = NewAPIKey(
      tenant: tenant,
      name: request.name,
      scopes: scopes,
      expiresAt: request.expiresAt,
      createdBy: call.caller?.actorId.flatMap(UUID.init)
    )
    return try await issue(record, call)
  }
}
