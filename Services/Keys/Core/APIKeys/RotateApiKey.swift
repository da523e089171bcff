internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Keys {
  /// How long a replaced key goes on unless the request says.
  private static let defaultOverlapSeconds: Int32 = 24 * 60 * 60

  /// Makes the successor of one API key of the caller's environment, also of the calling one, and has the old one
  /// stop by itself after an overlap.
  ///
  /// The successor has the same name, scopes and allowed addresses; when the old one was made to expire, the
  /// successor lives as long from now as the old one from its creation. The answer is the only one that shows it.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such key; `permissionDenied` when it may do more than
  ///   the caller, or be used from where or when the caller may not; `CONFLICT` when it is revoked or expired, or has a
  ///   successor already.
  public func rotateApiKey(_ request: RotateApiKeyRequest, _ call: Call) async throws(Fault)
    -> ApiKey
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    let overlap = Duration.seconds(request.overlapSeconds ?? Self.defaultOverlapSeconds)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let old = try await self.lockGrantable(id, call, change)
      if let successor = old.replacedBy {
        throw .keyConflict("This API key has been rotated already; its successor is \(successor)")
      }
      if let end = old.end, end <= change.now {
        throw .keyConflict("This API key has expired; make a new one")
      }
      let key = APIKey.generate(tenant.environment)
      let successor = old.successor(hint: key.hint, by: call.caller?.actorId, at: change.now)
      try await self.requireReach(of: successor, after: id, call, change)
      let retired = old.retired(for: successor.id, at: change.now + overlap)
      guard try await self.apiKeys.insert(successor, sha256: key.hash, change) else {
        throw .internalError("The account of an API key that is locked is not there")
      }
      self.apiKeys.update(retired, change)
      try change.record("apiKey.rotate", id, before: old.message(), after: retired.message())
      try change.record("apiKey.create", successor.id, before: nil, after: successor.message())
      return successor.message(showing: key.text)
    }
  }
}

extension APIKeyRecord {
  /// The key that takes this one's place.
  fileprivate func successor(hint: String, by actor: String?, at now: Timestamp) -> APIKeyRecord {
    let expiresAt = expiresAt.map { end in
      now + .milliseconds(end.milliseconds - createdAt.milliseconds)
    }
    return APIKeyRecord(
      tenant: tenant,
      id: .v7(at: now),
      name: name,
      hint: hint,
      scopes: scopes,
      allowedAddresses: allowedAddresses,
      createdBy: actor.flatMap(UUID.init),
      replaces: id,
      expiresAt: expiresAt,
      createdAt: now
    )
  }

  /// This key when another takes its place: it stops at the end of the overlap, and never later than it would have.
  fileprivate func retired(for successor: UUID, at end: Timestamp) -> APIKeyRecord {
    var record = self
    record.replacedBy = successor
    record.expiresAt = min(expiresAt ?? end, end)
    return record
  }
}
