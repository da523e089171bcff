internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Changes an entitlement; those who have it keep it, by its new code.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such entitlement; `CONSTRAINT_VIOLATION` when another
  ///   one has the new code; `invalidArgument` for a null where none can be.
  public func updateEntitlement(_ request: UpdateEntitlementRequest, _ call: Call)
    async throws(Fault) -> Entitlement
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let before = try await self.entitlements.lock(id, change) else {
        throw .entitlementNotFound(request.id)
      }
      let entitlement = try before.updated(by: request, at: change.now)
      try await self.entitlements.update(entitlement, id: id, change)
      try change.record("entitlement.update", id, before: before, after: entitlement)
      return entitlement
    }
  }
}

extension Entitlement {
  /// What a request makes of the entitlement.
  fileprivate func updated(
    by request: UpdateEntitlementRequest,
    at now: Timestamp
  ) throws(Fault) -> Entitlement {
    var entitlement = self
    var patch = Patch(request.presentNames)
    patch.set(&entitlement.code, "code", request.code)
    patch.set(&entitlement.name, "name", request.name)
    patch.setOrClear(&entitlement.description, "description", request.description)
    patch.set(&entitlement.metadata, "metadata", request.metadata)
    try patch.check()
    entitlement.updatedAt = now.milliseconds
    return entitlement
  }
}
