internal import Changes
internal import Cryptography
internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Keys {
  /// Makes an API key for any account, environment and scopes, on the operator's word.
  ///
  /// - Throws: ``Fault`` `notFound` when there is no such account; `invalidArgument` for an unknown scope or
  ///   an expiry that has passed.
  public func issueApiKey(_ request: IssueApiKeyRequest, _ call: Call) async throws(Fault) -> ApiKey
  {
    let tenant = Tenant(
      accountID: try UUID(checked: request.accountId),
      environment: request.environment.value
    )
    let scopes = try Scopes(requested: request.scopes.isEmpty ? nil : request.scopes)
    let record = NewAPIKey(
      tenant: tenant,
      name: request.name,
      scopes: scopes,
      allowedAddresses: .everywhere,
      expiresAt: request.expiresAt.map(Timestamp.init(milliseconds:)),
      createdBy: nil
    )
    return try await issue(record, call)
  }

  /// Makes a key and keeps what may be kept of it.
  ///
  /// - Parameters:
  ///   - wanted: The key.
  ///   - call: The call.
  ///   - kept: How the answer is kept for an `Idempotency-Key`; as it is unless said.
  ///   - others: Records what else the answer shows, in the same change.
  /// - Returns: The key, shown.
  /// - Throws: ``Fault`` `notFound` when there is no such account; `invalidArgument` for an expiry that has passed;
  ///   `permissionDenied` for what the caller may not hand on.
  func issue(
    _ wanted: NewAPIKey,
    _ call: Call,
    keeping kept: KeptAnswer<ApiKey>? = nil,
    recording others: @EventLoop (Change) throws(Fault) -> Void = { (_) throws(Fault) in }
  ) async throws(Fault) -> ApiKey {
    try await changes.make(call, for: wanted.tenant, keeping: kept) {
      (change) async throws(Fault) in
      try wanted.expiresAt?.requireFuture(after: change.now)
      let key = APIKey.generate(wanted.tenant.environment)
      let record = APIKeyRecord(
        tenant: wanted.tenant,
        id: .v7(at: change.now),
        name: wanted.name,
        hint: key.hint,
        scopes: wanted.scopes,
        allowedAddresses: wanted.allowedAddresses,
        createdBy: wanted.createdBy,
        expiresAt: wanted.expiresAt,
        createdAt: change.now
      )
      try await self.requireReach(of: record, call, change)
      guard try await self.apiKeys.insert(record, sha256: key.hash, change) else {
        throw .notFound("Account not found: \(wanted.tenant.accountID)")
      }
      try change.record("apiKey.create", record.id, before: nil, after: record.message())
      try others(change)
      return record.message(showing: key.text)
    }
  }
}

/// What an API key is to be, before there is one.
struct NewAPIKey {
  var tenant: Tenant
  var name: String
  var scopes: Scopes
  var allowedAddresses: AllowedAddresses
  var expiresAt: Timestamp?
  /// The API key that makes it; nil for the operator.
  var createdBy: UUID?
}
