internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Keys {
  /// Makes the next response-signing key the active one; the one before is retired, and its secret forgotten.
  ///
  /// Promoting the active key again changes nothing, so that the request may be repeated.
  ///
  /// - Throws: ``Fault`` `permissionDenied` for an API key of the test environment; `notFound` when the account has
  ///   no such key; `CONFLICT` when it is retired.
  public func promoteResponseSigningKey(
    _ request: PromoteResponseSigningKeyRequest,
    _ call: Call
  ) async throws(Fault) -> ResponseSigningKey {
    let tenant = try call.requireLiveTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let next = try await self.lockResponseSigningKey(id, change)
      switch next.state {
      case .active: return next.message()
      case .retired: throw .keyConflict("This response-signing key has been retired")
      case .next: break
      }
      let old = try await self.responseSigningKeys.lockActive(change)
      self.responseSigningKeys.promote(id, change)
      let retired = old.retired(at: change.now)
      let active = next.promoted(at: change.now)
      try change.record(
        "responseSigningKey.retire",
        old.id,
        before: old.message(),
        after: retired.message()
      )
      try change.record(
        "responseSigningKey.promote",
        id,
        before: next.message(),
        after: active.message()
      )
      return active.message()
    }
  }

  /// Locks one of the account's response-signing keys.
  ///
  /// - Throws: ``Fault`` `notFound`.
  func lockResponseSigningKey(
    _ id: UUID,
    _ change: Change
  ) async throws(Fault) -> ResponseSigningKeyRecord {
    guard let record = try await responseSigningKeys.lock(id, change) else {
      throw .notFound("Response-signing key not found: \(id)")
    }
    return record
  }
}
