internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Keys {
  /// Changes the name, expiry or allowed addresses of one API key of the caller's environment.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such key; `CONFLICT` when it is revoked, or has a
  ///   successor and would stop later; `permissionDenied` when it may do more than the caller, or could be used
  ///   from where or when the caller cannot; `invalidArgument` for an expiry that has passed, or what is no address range.
  public func updateApiKey(_ request: UpdateApiKeyRequest, _ call: Call) async throws(Fault)
    -> ApiKey
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let before = try await self.lockGrantable(id, call, change)
      let after = try before.updated(by: request, at: change.now)
      try await self.requireReach(of: after, call, change)
      if after != before {
        self.apiKeys.update(after, change)
        try change.record("apiKey.update", id, before: before.message(), after: after.message())
      }
      return after.message()
    }
  }

  /// Locks an API key that a caller is to change or to replace.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such key; `permissionDenied` when it may do more than
  ///   the caller; `CONFLICT` when it is revoked.
  func lockGrantable(_ id: UUID, _ call: Call, _ change: Change) async throws(Fault)
    -> APIKeyRecord
  {
    guard let record = try await apiKeys.lock(id, change) else {
      throw .notFound("API key not found: \(id)")
    }
    try record.scopes.require(heldBy: Scopes(caller: call.caller?.scopes ?? []))
    guard record.revokedAt == nil else { throw .keyConflict("This API key has been revoked") }
    return record
  }

  /// Makes sure that a calling API key makes or changes none that could be used from where it cannot be used itself, or
  /// after it has stopped.
  ///
  /// - Parameters:
  ///   - wanted: The key as it is to be.
  ///   - old: The key whose successor it is to be: the calling key's own lives as long as that did, which is what a
  ///     rotation is for.
  ///   - call: Who asks.
  ///   - change: The change.
  /// - Throws: ``Fault`` `permissionDenied`.
  func requireReach(
    of wanted: APIKeyRecord,
    after old: UUID? = nil,
    _ call: Call,
    _ change: Change
  ) async throws(Fault) {
    guard call.caller?.actorKind == .apiKey, let id = call.caller?.actorId.flatMap(UUID.init),
      let caller = try await apiKeys.get(id, change)
    else { return }
    try wanted.allowedAddresses.require(within: caller.allowedAddresses)
    guard let end = caller.end, old != id else { return }
    guard let wantedEnd = wanted.end, wantedEnd <= end else {
      throw .forbidden(
        "An API key can make or keep another only as long as it works itself, until \(end): set expiresAt"
      )
    }
  }
}

extension APIKeyRecord {
  /// What a request makes of the key.
  fileprivate func updated(
    by request: UpdateApiKeyRequest,
    at now: Timestamp
  ) throws(Fault) -> APIKeyRecord {
    var record = self
    var patch = Patch(request.presentNames)
    patch.set(&record.name, "name", request.name)
    try patch.check()
    // An empty list and null are the same here: neither names any.
    if !request.allowedAddresses.isEmpty || request.presentNames.contains("allowedAddresses") {
      record.allowedAddresses = try AllowedAddresses(requested: request.allowedAddresses)
    }
    let wanted = request.expiresAt.map(Timestamp.init(milliseconds:))
    patch.setOrClear(&record.expiresAt, "expiresAt", wanted)
    guard record.expiresAt != expiresAt else { return record }
    if let wanted { try wanted.requireFuture(after: now) }
    if replacedBy != nil, let expiresAt, wanted ?? .latest > expiresAt {
      throw .keyConflict("This API key has a successor and stops at \(expiresAt), no later")
    }
    return record
  }
}

extension Timestamp {
  /// Makes sure that an expiry asked for is to come.
  ///
  /// - Throws: ``Fault`` `invalidArgument`.
  func requireFuture(after now: Timestamp) throws(Fault) {
    guard self > now else {
      throw .invalid([
        Fault.Issue(path: ["expiresAt"], message: "Must be in the future", code: "custom")
      ])
    }
  }
}

extension Fault {
  /// The state of an API key is in the way.
  static func keyConflict(_ message: String) -> Fault {
    Fault(.aborted, message, reason: .conflict)
  }
}
